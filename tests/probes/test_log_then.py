"""A log cut at a moment that is over."""

from __future__ import annotations

import re

import pytest

from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from opskit.probes.log_then import stood, stood_by

LINES = b"10 a\n20 b\n  trace of b\n30 c\n  trace of c\n40 d\n"


def stamp(line: bytes) -> float | None:
    found = re.match(rb"\d+", line)
    return float(found[0]) if found else None


def dated(raw: Raw) -> list[tuple[int, float | None]]:
    return [(number, stamp(line)) for number, line in enumerate(raw.data.splitlines(), raw.first_line)]


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (0, LINES),
        (50, LINES.rstrip(b"\n")),
        (40, LINES.rstrip(b"\n")),
        (39, b"10 a\n20 b\n  trace of b\n30 c\n  trace of c"),
        (25, b"10 a\n20 b\n  trace of b"),
        (5, b""),
    ],
)
def test_lines_of_later_go_with_what_belongs_to_them(moment, kept):
    raws = (Raw("x.log", LINES, "/var/log/x", 7),)
    assert stood(raws, moment, stamp)[0].data == kept
    assert stood_by(raws, moment, dated)[0].data.rstrip(b"\n") == kept.rstrip(b"\n")


def test_a_log_that_reaches_not_back_so_far_tells_nothing():
    cut = (Raw("x.log", LINES, "/var/log/x", 900, complete=False),)
    with pytest.raises(ProbeError, match="/var/log/x"):
        stood(cut, 5, stamp)


def test_an_empty_log_stays_one():
    assert stood((Raw("x.log", b"", "/var/log/x"),), 5, stamp)[0].data == b""
    assert stood((), 5, stamp) == ()
