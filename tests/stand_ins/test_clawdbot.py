"""The chat UI: its page, its three kinds of health, and chat with and without a gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stand_ins.client import event_contents, send
from tests.stand_ins.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running chain."""
    with Stack(tmp_path) as running:
        yield running


def test_the_page(stack: Stack) -> None:
    page = send("GET", stack.clawdbot_url)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert send("GET", f"{stack.clawdbot_url}/nope").status == 404


@pytest.mark.parametrize(
    ("behaviour", "status", "start"),
    [("json", 200, '{"status":"ok"}'), ("catch-all", 200, "<!doctype html>"), ("failing", 503, '{"status":"error"}')],
)
def test_health_behaves_as_told(stack: Stack, behaviour: str, status: int, start: str) -> None:
    stack.control["clawdbot"].set(health=behaviour)
    health = send("GET", f"{stack.clawdbot_url}/health")
    assert health.status == status
    assert health.text.startswith(start)


def test_chat_streams_and_hands_on_who_asked(stack: Stack) -> None:
    headers = {"X-User-Id": "carol", "X-Request-Id": "r-77"}
    answer = send("POST", f"{stack.clawdbot_url}/api/chat", {"message": "hi"}, headers)
    assert event_contents(answer.text) == ("You asked（你问）: hi", True)
    start = json.loads(stack.gateway_log.read_text().splitlines()[0])
    assert (start["user_id"], start["request_id"], start["path"]) == ("carol", "r-77", "/v1/chat/completions")


def test_the_gateways_refusal_passes_through(stack: Stack) -> None:
    stack.control["gateway"].set(max_requests=0)
    answer = send("POST", f"{stack.clawdbot_url}/api/chat", {"message": "hi"})
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")


def test_no_gateway_is_502_and_a_line_in_the_log(stack: Stack) -> None:
    stack.stop("gateway")
    answer = send("POST", f"{stack.clawdbot_url}/api/chat", {"message": "hi"}, {"X-Request-Id": "r-78"})
    assert answer.status == 502
    assert json.loads(answer.text)["request_id"] == "r-78"
    assert "ERROR backend failed: [Errno 111] Connection refused request_id=r-78" in stack.clawdbot_log.read_text()


def test_hang_and_requests_that_are_wrong(stack: Stack) -> None:
    assert send("POST", f"{stack.clawdbot_url}/api/chat", {}).status == 400
    stack.control["clawdbot"].set(hang=True)
    assert send("GET", stack.clawdbot_url, timeout=0.2).status == 0
