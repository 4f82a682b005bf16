"""Whatever came from outside is safe on a terminal: nothing drives it, nothing hides, nothing reads backwards."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.model.printable import first_unsafe, printable

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

SPELLED = [
    ("plain, with Umläut and 显存", "plain, with Umläut and 显存"),
    ("a\nb\tc", "a\\x0ab\\x09c"),
    ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    ("\x00", "\\x00"),
    ("\x9b31m", "\\x9b31m"),
    ("file\u202egpj.exe", "file\\u202egpj.exe"),
    ("zero\u200bwidth", "zero\\u200bwidth"),
    ("soft\xadhyphen", "soft\\xadhyphen"),
    ("tag\U000e0041", "tag\\U000e0041"),
    (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
    ("\ud800", "\\ud800"),
]


@pytest.mark.parametrize(("text", "shown"), SPELLED)
def test_an_unsafe_character_is_spelled_out(text, shown):
    assert printable(text) == shown


def test_every_control_and_format_character_of_unicode_is_spelled_out():
    hidden = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) in HIDDEN]
    assert [char for char in hidden if printable(char) == char] == []


def test_no_letter_digit_or_sign_is_touched():
    visible = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char)[0] in "LNPSM"]
    assert [char for char in visible if printable(char) != char] == []


@pytest.mark.parametrize(("length", "limit"), [(400, 400), (401, 400), (10_000, 50)])
def test_a_long_text_is_cut_and_shows_it(length, limit):
    shown = printable("x" * length, limit)
    assert len(shown) == min(length, limit)
    assert shown.endswith("...") is (length > limit)


@given(st.text())
def test_what_was_made_printable_stays_as_it_is(text):
    once = printable(text, 10_000)
    assert printable(once, 10_000) == once
    assert first_unsafe(once, allowed="") is None


@pytest.mark.parametrize(("text", "place"), [("ab", None), ("a\nb\t\r", None), ("a\nb\x07", 3), ("\u202e", 0)])
def test_the_first_unsafe_character_is_found(text, place):
    assert first_unsafe(text) == place
