"""External commands for Nagios: one line that fits into the pipe, whatever is in it, and reads back as it was."""

from __future__ import annotations

import pytest

from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict
from opskit.report.check_nagios import check_nagios
from opskit.report.check_passive import parted, passive_command
from tests.report.builders import CHAT, ENGLISH, HOSTILE, NOON

LONGEST = 4095


def verdict(text: str, notes: list[str], samples: int = 0) -> Verdict:
    values = tuple(Sample(f"metric_number_{number}", float(number), "s", at=NOON) for number in range(samples))
    said = tuple(say("{line}", line=line) for line in notes)
    return Verdict("x", Status.CRITICAL, (Item(Status.CRITICAL, say("{text}", text=text)),), NOON, values, said)


def read_back(command: str) -> tuple[str, str]:
    """Undo what Nagios undoes: fields at `;`, then backslashes (base/commands.c)."""
    head, output = command.split(";", 4)[:4], command.split(";", 4)[4]
    text, position = "", 0
    while position < len(output):
        pair = output[position : position + 2]
        text += {"\\n": "\n", "\\\\": "\\"}.get(pair, output[position])
        position += 2 if pair in {"\\n", "\\\\"} else 1
    return ";".join(head), text


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("plain", []),
        (HOSTILE, [HOSTILE]),
        ("C:\\new\\temp; done", ["\\n is no line end", "ends with \\"]),
        ("\\" * 300, ["\\n" * 100] * 3),
    ],
)
def test_what_was_printed_is_what_nagios_reads(text, notes):
    shown = (CHAT, verdict(text, notes, samples=2), None)
    head, output = read_back(passive_command(shown, ENGLISH, "chat1", "GPU memory"))
    assert head == f"[{int(NOON)}] PROCESS_SERVICE_CHECK_RESULT;chat1;GPU memory;2"
    assert output == check_nagios([shown], ENGLISH)


@pytest.mark.parametrize("note", ["a" * 200, "\\" * 200, "温" * 200, "\\n" * 100, HOSTILE])
@pytest.mark.parametrize("samples", [0, 5, 300])
def test_a_line_fits_and_perfdata_are_whole(note, samples):
    shown = (CHAT, verdict(note * 3, [note] * 200, samples), None)
    command = passive_command(shown, ENGLISH, "h" * 200, "s" * 200)
    assert len(command.encode()) <= LONGEST
    assert "\n" not in command
    _head, output = read_back(command)
    text, perfdata = parted(output)
    assert [item.partition("=")[0] for item in perfdata] == [f"metric_number_{n}" for n in range(len(perfdata))]
    assert len(perfdata) == samples or f"{samples - len(perfdata)} values do not fit" in text
    assert "more lines" in text


def test_the_parts_of_an_output_are_its_text_and_its_items():
    assert parted("X OK - fine") == ("X OK - fine", ())
    assert parted("X OK - fine | a=1 b=2;3\nmore\nlines") == ("X OK - fine\nmore\nlines", ("a=1", "b=2;3"))
