"""How the changes of several faults come together."""

from __future__ import annotations

from opskit.lab.changes import added, merged


def test_mappings_are_merged_and_everything_else_is_replaced() -> None:
    plain = {"auth": {"enabled": True, "keys": ["a"]}, "level": "info", "limit": {"n": 1}}
    changed = merged(plain, {"auth": {"keys": ["b"]}, "level": "debug", "limit": 3, "new": None})
    assert changed == {"auth": {"enabled": True, "keys": ["b"]}, "level": "debug", "limit": 3, "new": None}
    assert plain["level"] == "info"


def test_deliberate_bugs_of_two_faults_are_both_there() -> None:
    once = added({}, {"gateway": {"defects": ["one"], "max": 1}})
    twice = added(once, {"gateway": {"defects": ["two", "one"], "max": 2}, "ollama": {"defects": ["three"]}})
    assert twice == {"gateway": {"defects": ["one", "two"], "max": 2}, "ollama": {"defects": ["three"]}}
    assert once == {"gateway": {"defects": ["one"], "max": 1}}


def test_directives_of_two_faults_are_both_there_and_the_same_one_once() -> None:
    once = added({}, {"nginx": {"location": "proxy_read_timeout 1s;"}})
    twice = added(once, {"nginx": {"location": "limit_req zone=chat;", "http": "limit_req_zone x;"}})
    assert twice["nginx"] == {
        "location": "proxy_read_timeout 1s;\nlimit_req zone=chat;",
        "http": "limit_req_zone x;",
    }
    assert added(twice, {"nginx": {"location": "limit_req zone=chat;"}}) == twice
