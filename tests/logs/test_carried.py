"""Envelopes of journald and docker."""

from __future__ import annotations

import pytest

from opskit.logs.carried import carried


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        (b'{"MESSAGE":"[GIN] x","__REALTIME_TIMESTAMP":"1"}', b"[GIN] x"),
        (b'{"MESSAGE":[104,105,255],"__REALTIME_TIMESTAMP":"1"}', b"hi\xff"),
        (b'{"log":"{\\"ts\\":1}\\n","stream":"stdout","time":"x"}', b'{"ts":1}'),
        (b'{"MESSAGE":"x"}', None),
        (b'{"MESSAGE":5,"__REALTIME_TIMESTAMP":"1"}', None),
        (b'{"log":', None),
        (b"plain", None),
        (b"", None),
    ],
)
def test_the_line_of_the_program_is_taken_out(line: bytes, inner: bytes | None) -> None:
    assert carried(line) == (line if inner is None else inner)
