"""What gateways say of a stream that did not end."""

from __future__ import annotations

import json

import pytest

from opskit.logs.finished import whole
from opskit.logs.request import Request

END = Request(0.0, status=200)


@pytest.mark.parametrize(
    "said",
    [
        {"stream_done": False},
        {"sawDone": False},
        {"stream": True, "finish_reason": None},
        {"finish_reason": "error"},
        {"client_disconnected": True},
        {"response": {"completed": False}},
        {"1": {"streamComplete": False}},
    ],
)
def test_a_stream_without_its_last_event_is_not_whole(said: dict[str, object]) -> None:
    assert whole(END, json.dumps(said).encode()).complete is False


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"done": True},
        {"finish_reason": "stop", "stream": True},
        {"finish_reason": "length", "stream": True},
        {"finish_reason": None},
        {"finish_reason": None, "stream": False},
        {"truncated": True},  # prompts are, too
        {"metadata": {"aborted": True}, "request": {"done": False}},  # a client sent that
        {"aborted": "true", "done": 0},
    ],
)
def test_nothing_else_accuses(said: dict[str, object]) -> None:
    assert whole(END, json.dumps(said).encode()) == END


def test_pairs_are_read_and_quoted_text_is_not() -> None:
    assert whole(END, b"time=x status=200 stream_done=false").complete is False
    assert whole(END, b'time=x msg="a aborted=true b" status=200') == END


def test_what_is_known_already_stays_and_a_beginning_has_no_end() -> None:
    known, start = Request(0.0, complete=True), Request(0.0, event="start")
    assert [whole(request, b'{"done":false}') for request in (known, start)] == [known, start]
