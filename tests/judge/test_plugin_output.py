"""Output of plugins as it is met in the wild: nothing that was said is lost, and no number is made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.plugin_output import PluginOutput, split_output


def told(output: PluginOutput) -> tuple[str, tuple[str, ...], dict[str, float | None], int]:
    return output.said, output.details, {item.label: item.value for item in output.numbers}, output.rejected


PRINTED = [
    ("OK - fine\n", "OK - fine", (), {}, 0),
    ("OK | a=1", "OK", (), {"a": 1}, 0),
    ("OK|a=1", "OK", (), {"a": 1}, 0),
    ("OK | a=1\nline2\nline3 | b=2\nc=3\n", "OK", ("line2", "line3"), {"a": 1, "b": 2, "c": 3}, 0),
    ("OK\n| b=2\nc=3 d=4\n", "OK", (), {"b": 2, "c": 3, "d": 4}, 0),
    # What follows perfdata and is none is text.
    ("OK | a=1\nx | b=2\nstill a sentence\n", "OK", ("x", "still a sentence"), {"a": 1, "b": 2}, 0),
    ("one\r\ntwo\r\n", "one", ("two",), {}, 0),
    ("one\rtwo", "one", ("two",), {}, 0),
    ("\n\n  OK - late\nmore\n", "OK - late", ("more",), {}, 0),
    ("", "", (), {}, 0),
    ("\n \n", "", (), {}, 0),
    # A bar in a text, and tables.
    ("a|b text", "a|b text", (), {}, 0),
    ("a | b = c", "a | b = c", (), {}, 0),
    ("either | or see http://x/?y=z there", "either | or see http://x/?y=z there", (), {}, 0),
    ("head\n| name | x=y is set |\n", "head", ("| name | x=y is set |",), {}, 0),
    ("OK\n name | state\n", "OK", (" name | state",), {}, 0),
    # Broken perfdata are counted, and are no text.
    ("OK | a=1,5 b=2", "OK", (), {"b": 2}, 1),
    ("OK | a=", "OK", (), {}, 1),
    ("OK | a=nan b=inf", "OK", (), {}, 2),
    ("OK | 'a=b c'=3 'C:\\ x=y'=4", "OK", (), {"a=b c": 3, "C:\\ x=y": 4}, 0),
    ("OK | 'a=1 b=2", "OK", (), {"b": 2}, 1),
    ("OK | a=1;2;3;4;5; b=1;;;;;6", "OK", (), {"a": 1}, 1),
    ("OK | a=U", "OK", (), {"a": None}, 0),
    ("OK | a=1 | b=2", "OK", (), {"a": 1, "b": 2}, 1),
    ("a|b text | c=1", "a|b text", (), {"c": 1}, 0),
    ("a | b | 'c d'=1", "a | b", (), {"c d": 1}, 0),
    ("OK | rubbish a=1", "OK", (), {"a": 1}, 1),
    ("OK | a=1 a=2", "OK", (), {"a": 1}, 0),
    ("| a=1", "", (), {"a": 1}, 0),
    ("OK | 'a b'=1;2;3 c=4", "OK", (), {"a b": 1, "c": 4}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said", "details", "numbers", "rejected"), PRINTED)
def test_output_is_taken_apart(text, said, details, numbers, rejected):
    assert told(split_output(text)) == (said, details, numbers, rejected)


@given(st.text(alphabet="aA1=|;'\n\r :.,-U%\0\x1b温", max_size=80))
def test_no_output_is_too_odd(text):
    found = split_output(text)
    assert len({item.label for item in found.numbers}) == len(found.numbers)
    assert not any("\n" in line or "\r" in line for line in (found.said, *found.details))
    if "|" not in text:
        words = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
        assert [found.said, *(line.strip() for line in found.details if line.strip())] == (words or [""])
