"""Nginx's access log: what arrived, how it ended, and how long nothing has."""

from __future__ import annotations

import gzip
import random
from datetime import UTC
from pathlib import Path

import pytest

from opskit.lab.part import local_now
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from tests.probes.asking import NOW, ask, replay, value
from tests.probes.lines import access

API = "POST /v1/chat/completions HTTP/1.1"
NOISE = random.Random(7).randbytes(5000)
PAGE = "GET / HTTP/1.1"


def steady(until: int, count: int = 60, every: int = 2) -> bytes:
    """Requests every two seconds, the last one so long ago."""
    return b"".join(access(until + every * number) for number in reversed(range(count)))


def test_requests_are_counted_by_kind_and_end() -> None:
    statuses = [(499, PAGE), (502, API), (502, API), (504, PAGE), (500, API), (200, PAGE), (404, PAGE)]
    log = b"".join(access(100 - number, status, request) for number, (status, request) in enumerate(statuses))
    log = access(1000, 502) + log
    reading = replay("nginx_access", log)
    facts = reading.facts
    assert (facts["requests"], facts["chat_requests"], facts["api_requests"]) == (7, 3, 3)
    assert (facts["status_499"], facts["status_502"], facts["status_504"], facts["server_errors"]) == (1, 2, 1, 4)
    assert (facts["last_request_age_s"], value(reading, "requests")) == (94, 7)
    assert reading.evidence["status_502"][0].line == 4
    assert reading.evidence["last_request_age_s"][0].line == 8


def test_opskits_own_requests_are_not_the_users() -> None:
    reading = replay("nginx_access", access(500) + access(1, agent="opskit") + access(1, 502, agent="opskit"))
    assert (reading.facts["requests"], reading.facts["server_errors"]) == (1, 0)
    assert reading.facts["last_request_age_s"] == 500
    alone = replay("nginx_access", access(1, agent="opskit"))
    assert (alone.facts["requests"], alone.facts["last_request_age_s"]) == (0, None)
    assert "no request of a user" in str(alone.reason("last_request_age_s"))


def test_silence_is_held_against_the_usual_gap() -> None:
    assert replay("nginx_access", steady(300)).facts["silence_ratio"] == 150
    assert replay("nginx_access", steady(3)).facts["silence_ratio"] == 1.5
    assert replay("nginx_access", b"".join(access(90) for _ in range(50))).facts["silence_ratio"] == 90
    few = replay("nginx_access", steady(300, count=5))
    assert few.facts["silence_ratio"] is None
    assert "fewer than 20 lines" in str(few.reason("silence_ratio"))


def test_lines_need_not_be_in_order() -> None:
    reading = replay("nginx_access", access(10) + access(40) + access(20))
    assert reading.facts["last_request_age_s"] == 10
    assert reading.evidence["last_request_age_s"][0].line == 1


def test_times_are_exact_whatever_zone_the_lines_are_in() -> None:
    assert replay("nginx_access", access(30, now=NOW.astimezone(UTC))).facts["last_request_age_s"] == 30


def test_a_clock_that_was_set_back_hides_no_silence() -> None:
    reading = replay("nginx_access", access(-3600) + access(120))
    assert (reading.facts["requests"], reading.facts["last_request_age_s"]) == (1, 120)
    assert replay("nginx_access", access(-20)).facts["last_request_age_s"] == 0
    with pytest.raises(ProbeError, match="dated in the future"):
        replay("nginx_access", access(120) + access(-3600))


def test_an_empty_log_shows_nothing_and_says_so() -> None:
    reading = replay("nginx_access", b"")
    assert (reading.facts["requests"], reading.facts["silence_ratio"]) == (0, None)
    assert reading.reason("silence_ratio")
    assert value(reading, "last_request_age_s") is None


@pytest.mark.parametrize(
    "log",
    [b"hello\nworld\n", NOISE, b'{"time":"x"}\n' * 9, b"2026/11/24 02:59:59 [error] 1#1: x\n", b"\0" * 9],
)
def test_an_unknown_format_is_not_silence(log: bytes) -> None:
    with pytest.raises(ProbeError, match="no known format"):
        replay("nginx_access", log)


def test_a_format_that_was_changed_an_hour_ago_is_not_silence() -> None:
    with pytest.raises(ProbeError, match="newest lines have no known format"):
        replay("nginx_access", steady(3600) + b'{"status":200}\n' * 50)
    assert replay("nginx_access", steady(60) + access(5)[:40]).facts["last_request_age_s"] == 60  # half a line


def test_a_log_is_read_over_its_rotation(tmp_path: Path) -> None:
    now = local_now()
    old = b"".join(access(100 - number, 502 if number == 7 else 200, now=now) for number in range(90))
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(old))
    (tmp_path / "access.log").write_bytes(access(5, now=now))
    reading = ask("nginx_access", path=str(tmp_path / "access.log"))
    assert (reading.facts["requests"], reading.facts["status_502"]) == (91, 1)
    proof = reading.evidence["status_502"][0]
    assert (proof.source, proof.line) == (str(tmp_path / "access.log.1.gz"), 8)
    assert gzip.decompress(Path(proof.source).read_bytes()).decode().splitlines()[7] == proof.text


def test_a_part_says_that_it_is_one() -> None:
    reading = replay("nginx_access", (Raw("x", steady(5), "/var/log/x", 900, complete=False),))
    assert "only the newest part of /var/log/x" in str(reading.notes[0])
    assert reading.evidence["requests"][0].line == 959


def test_a_proof_keeps_secrets_to_itself() -> None:
    request = "GET /?api_key=hush-hush-1&token=hush-hush-2 HTTP/1.1"
    reading = replay("nginx_access", access(5, 502, request))
    assert "hush" not in reading.evidence["status_502"][0].text


def test_a_log_that_may_not_exist_is_an_error_of_the_probe(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="there is no such file"):
        ask("nginx_access", path=str(tmp_path / "access.log"))


def test_what_tells_of_a_page_that_does_not_work() -> None:
    log = access(9, 413) + access(8, 404, "POST /v1/chat/completions HTTP/1.1") + access(7, 404, "GET /ws HTTP/1.1")
    log += access(6, 400, "GET /socket.io/?EIO=4 HTTP/1.1") + access(5, 404, "GET /assets/index-5f3a.js HTTP/1.1")
    facts = replay("nginx_access", log).facts
    names = ("status_413", "api_not_found", "sockets_refused", "parts_missing")
    assert tuple(facts[name] for name in names) == (1, 1, 2, 1)
    fine = access(9) + access(8, 101, "GET /ws HTTP/1.1") + access(7, 200, "GET /assets/index.js HTTP/1.1")
    fine += access(6, 404, "GET /wp-includes/x.js HTTP/1.1") + access(5, 404, "POST /api/x HTTP/1.1")
    facts = replay("nginx_access", fine).facts
    assert tuple(facts[name] for name in names) == (0, 0, 0, 0)


def test_the_failure_that_most_requests_end_in_is_told_and_a_mixture_is_none() -> None:
    refused = b"".join(access(30 - number, 503, API) for number in range(11))
    served = b"".join(access(60 - number, 200, API) for number in range(9))
    assert replay("nginx_access", served + refused).facts["usual_failure"] == 503
    assert (
        replay("nginx_access", access(70, 200, API) + served + refused[: len(refused) // 2]).facts["usual_failure"] == 0
    )
    assert replay("nginx_access", access(9, 404) + access(8, 404)).facts["usual_failure"] == 0


def test_questions_that_were_given_up_or_sent_elsewhere_are_counted() -> None:
    facts = replay("nginx_access", access(9, 499, API) + access(8, 301, API) + access(7, 301, PAGE)).facts
    assert (facts["latest_left"], facts["latest_redirected"], facts["latest_api"]) == (1, 1, 2)
