"""One request looked up in the logs of gateway and Nginx, and what users' questions tell of a moment that is over."""

from __future__ import annotations

import re

import pytest

from opskit.model.reading import Reading
from opskit.probes.base import ProbeError
from tests.probes.asking import AT
from tests.probes.joined import NOBODY, Told, reading
from tests.probes.lines import access, end, start


def told(gateway: Told, nginx: Told = b"", **given: object) -> Reading:
    return reading("request", {"gateway": gateway, "nginx": nginx}, **given)


def words(found: Reading) -> list[str]:
    return [str(note) for note in found.notes]


def test_nobody_asked_about_a_request_and_nothing_is_read():
    found = reading("request", {})
    assert found.facts["asked"] is found.facts["missing"] is found.facts["failed"] is False
    assert found.facts["waiting_s"] == 0.0


def test_a_request_that_failed_is_told_with_its_lines():
    lines = start(40, "abc1") + end(10, "abc1", 503, ms=30_000, error="server busy, please try again") + end(5, "other")
    found = told(lines, request_id="abc1")
    assert (found.facts["failed"], found.facts["status"], found.facts["duration_s"]) == (True, 503, 30.0)
    assert [place.line for place in found.evidence["failed"]] == [1, 2]
    assert words(found)[0] == "gateway: failed, because the model server was busy"


def test_one_that_was_answered_did_not_fail():
    found = told(start(40, "abc1") + end(10, "abc1", 200, ms=900, completion_tokens=40), request_id="abc1")
    assert found.facts["failed"] is False
    assert words(found) == ["gateway: it was answered"]


def test_one_that_has_not_ended_still_waits():
    found = told(start(40, "abc1") + end(5, "other"), request_id="abc1")
    assert found.facts["failed"] is None
    assert found.facts["waiting_s"] == pytest.approx(40, abs=0.01)
    assert words(found) == ["gateway: it began, and has not ended"]


def test_a_longer_id_that_holds_it_is_another_request():
    lines = end(10, "abc12", 503, error="server busy") + end(5, "abc1", 200, completion_tokens=40)
    assert told(lines, request_id="abc1").facts["failed"] is False


def test_none_in_readable_logs_is_missing_and_none_in_dark_ones_is_not_known():
    found = told(end(5, "other"), request_id="abc1")
    assert found.facts["missing"] is True
    assert "abc1" in words(found)[0]
    with pytest.raises(ProbeError):
        told(end(5, "other"), NOBODY, request_id="abc1")


def test_of_a_user_the_newest_counts_and_earlier_failures_are_told():
    lines = b"".join(
        [
            end(50, "a", 500, error="unexpected KeyError", user="bob"),
            end(20, "b", 200, completion_tokens=40, user="bob"),
            end(5, "c", 500, error="unexpected KeyError", user="eve"),
        ]
    )
    found = told(lines, user="bob")
    assert (found.facts["failed"], found.facts["others_failed"]) == (False, 1)
    assert [place.line for place in found.evidence["others_failed"]] == [1]


def test_an_address_in_nginx_log_is_a_user_as_well():
    found = told(end(50, "a", 200, completion_tokens=40), access(5, 502, client="203.0.113.9"), user="203.0.113.9")
    assert (found.facts["failed"], found.facts["status"]) == (True, 502)


def test_what_came_after_the_moment_asked_about_is_not_told():
    lines = end(600, "a", 500, error="unexpected KeyError", user="bob") + end(5, "b", 200, user="bob")
    found = reading("request", {"gateway": lines, "nginx": b""}, user="bob", moment=AT - 300)
    assert found.facts["status"] == 500


@pytest.mark.parametrize(
    ("lines", "answered", "seen"),
    [
        (end(5, "a", 500, error="unexpected KeyError") * 3, False, False),
        (end(9, "a", 200, completion_tokens=4) + end(5, "b", 500, error="KeyError") * 3, False, False),
        (end(5, "a", 500, error="KeyError") * 3 + end(4, "b", 200, completion_tokens=4), None, True),
        (b"".join(end(9 - n, str(n), 200, completion_tokens=4) for n in range(3)), True, True),
        # What tells of who asked says nothing of the model.
        (end(5, "a", 401, error="invalid key") * 9, None, None),
        (end(500, "a", 500, error="unexpected KeyError") * 3, None, None),
    ],
)
def test_users_stand_in_for_the_canary(lines, answered, seen):
    ids = enumerate(re.sub(rb'"request_id": "', b'"request_id": "%d-', line) for line in lines.splitlines())
    found = reading("users_answered", {"gateway": b"".join(line % number + b"\n" for number, line in ids)})
    assert (found.facts["answered"], found.facts["seen"]) == (answered, seen)
