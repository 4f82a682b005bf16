"""Durations, `k of n`, counts, names: what is accepted, and what is not."""

from __future__ import annotations

import pytest

from opskit.definitions.scalars import count, duration, file_id, name, range_text, sustain
from opskit.model.check import Sustain

ACCEPTED = [
    (duration, "30s", 30.0), (duration, "15m", 900.0), (duration, "1h", 3600.0), (duration, "7d", 604800.0),
    (duration, "2w", 1209600.0), (duration, "500ms", 0.5), (duration, "1.5h", 5400.0), (duration, "366d", 31622400.0),
    (sustain, "4 of 6", Sustain(4, 6)), (sustain, "1 of 1", Sustain(1, 1)), (sustain, "100 of 100", Sustain(100, 100)),
    (count, "1", 1), (count, "050", 50),
    (range_text, " 10:20 ", "10:20"), (range_text, "80%", "80%"),
    (file_id, "gpu-memory", "gpu-memory"), (file_id, "5xx_Errors", "5xx_Errors"), (file_id, "a" * 63, "a" * 63),
    (name, "slow_s", "slow_s"), (name, "healthy", "healthy"), (name, "a1", "a1"),
]  # fmt: skip

REFUSED = {
    duration: ["", "5", "s", "0s", "0.0s", "-5s", "+5s", "5 s", "5S", "1h30m", "1e3s", "٣s", "5s\n", "inf", "nans",
               "367d", "53w", ".5s", "5.s", "1_0s", "9999999999s"],
    sustain: ["", "4", "4of6", "4/6", "6 of 4", "0 of 4", "0 of 0", "-1 of 4", "4 of 6 ", "1000 of 1000", "٤ of ٦",
              "4 of 6\n", "a of b"],
    count: ["0", "-1", "1.0", "", "1e3", "٣", "9999999999"],
    range_text: ["", "high", "20:10", "5s"],
    file_id: ["", "-h", ".hidden", "a b", "a.b", "a/b", "显存", "a|b", "a\n", "a" * 64, "_x"],
    name: ["", "A", "1a", "_a", "a-b", "a.b", "not", "and", "or", "is", "in", "lambda", "显存", "a\n"],
}  # fmt: skip


@pytest.mark.parametrize(("read", "text", "value"), ACCEPTED)
def test_what_people_write_is_understood(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(("read", "text"), [(read, text) for read, texts in REFUSED.items() for text in texts])
def test_anything_else_is_refused(read, text):
    with pytest.raises(ValueError, match=r"expected|range"):
        read(text)
