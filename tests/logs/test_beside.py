"""Nginx's error lines beside a request: its own, and those that nobody can tell from another's."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import pytest

from opskit.logs.beside import zone_of
from opskit.logs.request import Request
from opskit.logs.story import Story, find

DIED = "upstream prematurely closed connection while reading upstream"
BROKE = "the answer broke off"
PERHAPS = "an error of this request or of another"


def access(rid: str, second: int, cid: str = "cid=17/1", rt: str = "rt=0.400", client: str = "10.0.0.7") -> str:
    return (
        f'{client} - - [23/Nov/2026:10:00:{second:02d} +0800] "POST /v1/chat HTTP/1.1" 200 36 "-" "curl" '
        f"rid={rid} {rt} {cid}\n"
    )


def error(second: int, cid: int = 17, message: str = DIED) -> str:
    return (
        f"2026/11/23 10:00:{second:02d} [error] 7#7: *{cid} {message}, client: 10.0.0.7, server: chat, "
        'request: "POST /v1/chat HTTP/1.1", upstream: "http://127.0.0.1:18789/v1/chat", host: "chat"\n'
    )


def story(folder: Path, rid: str, log: str, errors: str) -> Story:
    (folder / "access.log").write_text(log)
    (folder / "error.log").write_text(errors)
    return find(rid, [folder / "access.log", folder / "error.log"], UTC)


def ties(found: Story) -> list[str]:
    return [mention.tie for mention in found.mentions if mention.layer == "nginx-error"]


def test_the_next_request_on_the_connection_is_not_what_died(tmp_path: Path) -> None:
    log = access("r1", 10) + access("r2", 11, "cid=17/2")
    first, second = (story(tmp_path, rid, log, error(11)) for rid in ("r1", "r2"))
    assert (ties(first), first.outcomes) == ([], ())
    assert (ties(second), [str(said)[: len(BROKE)] for said in second.outcomes]) == (["connection"], [BROKE])


@pytest.mark.parametrize("cid", ["cid=17/", "x="])  # with and without the number of the connection
def test_of_two_that_ended_in_the_second_of_the_error_neither_is_accused(tmp_path: Path, cid: str) -> None:
    log = access("r1", 10, cid + "1") + access("r2", 10, cid + "2")
    for rid in ("r1", "r2"):
        found = story(tmp_path, rid, log, error(10))
        assert (ties(found), [str(said)[: len(PERHAPS)] for said in found.outcomes]) == (["shared"], [PERHAPS])


def test_another_target_client_or_connection_makes_no_doubt(tmp_path: Path) -> None:
    others = access("r2", 10, "cid=18/1") + access("r3", 10, "cid=17/2").replace("/v1/chat", "/v1/models")
    assert ties(story(tmp_path, "r1", access("r1", 10) + others, error(10))) == ["connection"]
    unnumbered = access("r1", 10, "") + access("r2", 10, "", client="10.0.0.70")
    assert ties(story(tmp_path, "r1", unnumbered, error(10))) == ["client"]


def test_an_error_before_the_request_began_is_not_its_own(tmp_path: Path) -> None:
    assert ties(story(tmp_path, "r1", access("r1", 20, rt="rt=5.000"), error(13) + error(14) + error(20))) == [
        *("connection", "connection")
    ]


def test_the_zone_is_that_of_the_lines_own_time() -> None:
    forged = b'01/Jan/2026:00:00:00 +0000 [23/Nov/2026:10:00:30 +0800] "GET /2026-11-23T02:00:30+05:00 HTTP/1.1" 200 5'
    at = 1795399230.0
    found = zone_of(Request(at), forged)
    assert found is not None
    assert found.utcoffset(None) == timedelta(hours=8)
    assert zone_of(Request(at), b"2026-11-22T21:00:30-05:00|200") == zone_of(
        Request(at), b'[22/Nov/2026:21:00:30 -0500] "'
    )
    assert zone_of(Request(at), b"23/Nov/2026:10:00:30 +9999") is None
