"""What counts as a healthy answer: statuses, texts, values of its JSON; live, and from evidence that kept a part."""

from __future__ import annotations

from typing import Any

import pytest

from opskit.definitions.arguments import wrong_arguments
from opskit.model.problem import Lines
from opskit.probes.base import ProbeError
from opskit.probes.expectation import allows
from opskit.probes.http_evidence import Args
from tests.probes.asking import ask, collect, replay
from tests.probes.server import answer, serving

STATUSES: list[tuple[Any, int, bool]] = [
    (200, 200, True),
    (200, 204, False),
    ("200", 200, True),
    ("2xx", 299, True),
    ("2xx", 300, False),
    ("200-299", 204, True),
    ("200-299", 301, False),
    ((200, "401", "3xx"), 302, True),
    ((200, "401"), 500, False),
    (None, 599, True),
]


@pytest.mark.parametrize(("expected", "status", "allowed"), STATUSES)
def test_a_status_is_expected_by_number_class_and_range(expected: Any, status: int, allowed: bool) -> None:
    assert allows(expected, status) is allowed


@pytest.mark.parametrize("wrong", ["20", "2x", "200-", "abc", "0200", 99, 600, [200, "x"], "2xx-3xx"])
def test_what_is_no_status_is_a_mistake_of_the_definition(wrong: Any) -> None:
    (problem,) = wrong_arguments({"expect_status": wrong}, Args, "x.yaml", Lines())
    assert "with.expect_status: expected a status such as 200, 2xx or 200-299, got " in str(problem.text)


def test_json_is_expected_as_a_mapping_of_plain_values() -> None:
    (problem,) = wrong_arguments({"expect_json": {"a": {"b": 1}}}, Args, "x.yaml", Lines())
    assert str(problem.text) == "with.expect_json: expected keys and plain values, got keys and values"


BODY = '{"status":"ok","n":1,"deep":{"list":[{"up":true}],"a.b":null},"x.y":"dots"}'
VALUES: list[tuple[dict[str, Any], str | None]] = [
    ({"status": "ok"}, None),
    ({"deep.list.0.up": True, "n": 1.0}, None),
    ({"deep.a.b": None, "x.y": "dots"}, None),
    ({"status": "OK"}, 'status is "ok" in the answer of URL, expected "OK"'),
    ({"n": True}, "n is 1 in the answer of URL, expected true"),
    ({"deep.list.0.up": 1}, "deep.list.0.up is true in the answer of URL, expected 1"),
    ({"deep.list.1.up": True}, "the answer of URL has no deep.list.1.up, expected true"),
    ({"status.more": 1}, "the answer of URL has no status.more, expected 1"),
    ({"deep": "x"}, 'deep is {"list":[{"up":true}],"a.b":null} in the answer of URL, expected "x"'),
]


@pytest.mark.parametrize(("expected", "said"), VALUES)
def test_values_of_json_are_looked_up_by_their_path(expected: dict[str, Any], said: str | None) -> None:
    with serving(answer(body=BODY, headers="Content-Type: application/json\r\n")) as server:
        reading = ask("http", url=server.url, expect_json=expected, decoy=False)
    told = reading.reason("healthy")
    assert (str(told).partition("; ")[0].replace(server.url, "URL") if told else None) == said
    assert reading.facts["ok"] is (said is None)


@pytest.mark.parametrize("body", ["<html>", "", "{", "[1", "\x00", '{"a":' * 9999, "NaN"])
def test_a_body_that_is_no_json_is_said_to_be_none(body: str) -> None:
    with serving(answer(body=body, headers="Content-Type: text/html; charset=utf-8\r\n")) as server:
        reading = ask("http", url=server.url, expect_json={"status": "ok"}, decoy=False)
    assert f"the answer of {server.url} is no JSON (text/html)" in str(reading.reason("healthy"))


def test_a_value_far_down_a_long_body_is_kept_for_the_replay_and_secrets_are_not() -> None:
    body = '{"pad":"' + "x" * 9000 + '","token":"hush-hush-hush","state":"up"}'
    with serving(answer(body=body)) as server:
        wanted = {"state": "up", "token": "another"}
        raws = collect("http", url=server.url, expect_json=wanted, decoy=False)
    assert b"hush" not in raws[0].data
    assert replay("http", raws, expect_json={"state": "up"}, decoy=False).facts["ok"] is True
    assert replay("http", raws, expect_json=wanted, decoy=False).facts["ok"] is False


def test_evidence_that_holds_only_the_beginning_is_not_judged_by_what_it_does_not_hold() -> None:
    with serving(answer(body='{"pad":"' + "x" * 9000 + '","state":"up"}')) as server:
        raws = collect("http", url=server.url, decoy=False)
    with pytest.raises(ProbeError, match="only the beginning"):
        replay("http", raws, expect_json={"state": "up"}, decoy=False)


def test_a_secret_that_is_expected_is_still_compared() -> None:
    with serving(answer(body='{"content":"ok"}')) as server:
        assert ask("http", url=server.url, expect_json={"content": "ok"}, decoy=False).facts["ok"] is True
        assert ask("http", url=server.url, expect_json={"content": "no"}, decoy=False).facts["ok"] is False
