"""The gateway's audit log: who was served, who was turned away, and who still waits."""

from __future__ import annotations

import json
import random
from datetime import UTC
from pathlib import Path

import pytest

from opskit.lab.part import local_now
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from opskit.probes.registry import probe
from tests.probes.asking import NOW, SHANGHAI, ask, replay, series, value
from tests.probes.lines import end, moment, start


def pair(ago_s: float, name: str, **more: object) -> bytes:
    return start(ago_s + 1, name) + end(ago_s, name, **more)  # type: ignore[arg-type]


def test_ends_are_counted_and_measured() -> None:
    log = pair(90, "a", ms=800) + pair(80, "b", status=401, ms=2) + pair(70, "c", status=429, ms=1)
    log += pair(60, "d", status=503, ms=3100) + pair(50, "e", ms=400) + pair(2000, "f", status=500)
    reading = replay("gateway_log", log)
    facts = reading.facts
    assert (facts["requests"], facts["status_401"], facts["status_429"], facts["status_5xx"]) == (5, 1, 1, 1)
    assert (facts["slowest_s"], facts["last_ok_age_s"], facts["served"], facts["open_requests"]) == (3.1, 50, True, 0)
    assert (value(reading, "share_5xx_pct"), value(reading, "count_429"), value(reading, "slowest_s")) == (20, 1, 0.8)
    assert reading.evidence["status_5xx"][0].line == 8
    assert reading.evidence["slowest_s"][0].line == 8


def test_who_still_waits_is_found_by_the_starts_without_an_end() -> None:
    log = start(200, "old") + start(30, "waits") + pair(20, "a") + start(5, "young") + end(190, "old")
    reading = replay("gateway_log", log)
    assert (reading.facts["open_requests"], reading.facts["oldest_open_s"]) == (2, 30)
    proof = reading.evidence["oldest_open_s"][0]
    assert (proof.line, "waits" in proof.text) == (2, True)
    assert replay("gateway_log", start(-20, "ahead")).facts["oldest_open_s"] == 0


def test_opskits_own_questions_are_not_the_users() -> None:
    log = pair(100, "a") + pair(5, "opskit-1a2b", status=401) + start(4, "opskit-3c4d")
    facts = replay("gateway_log", log).facts
    assert (facts["requests"], facts["status_401"], facts["open_requests"]) == (1, 0, 0)
    assert facts["last_request_age_s"] == 100


def test_a_log_of_nobody_but_opskit_is_quiet_and_not_unreadable() -> None:
    reading = replay("gateway_log", pair(5, "opskit-1a2b"))
    assert (reading.facts["requests"], reading.facts["last_request_age_s"]) == (0, None)
    assert "no request ended" in str(reading.reason("share_5xx_pct"))
    assert value(reading, "share_5xx_pct") is None


def test_clients_go_by_their_names_where_there_are_names() -> None:
    log = b"".join(pair(50 + n, f"s{n}", status=401, user=None, client_ip=f"198.18.0.{n}") for n in range(5))
    log += pair(40, "a", user="alice") + pair(39, "b", user="bob", status=429) + pair(38, "c", user="carol", status=401)
    facts = replay("gateway_log", log).facts
    assert (facts["users_named"], facts["clients_served"], facts["clients_limited"]) == (True, 1, 1)
    assert facts["clients_refused"] == 1  # strangers have no names


def test_clients_go_by_their_addresses_where_there_are_none() -> None:
    log = b"".join(pair(50 + n, f"s{n}", status=401, user=None, client_ip=f"198.18.0.{n}") for n in range(5))
    log = log.replace(b'"user_id": "alice"', b'"user_id": null')
    reading = replay("gateway_log", log)
    assert (reading.facts["users_named"], reading.facts["clients_refused"]) == (False, 5)
    assert "198.18.0.0 1, 198.18.0.1 1" in str(reading.notes[0])


def test_the_most_affected_are_listed_five_at_most() -> None:
    log = b"".join(pair(5, f"r{n}", status=429, user=f"user{min(n, 7)}") for n in range(12))
    note, *_ = replay("gateway_log", log).notes
    assert "12 in all; most: user7 5, user0 1, user1 1, user2 1, user3 1" in str(note)


def test_times_without_a_zone_are_the_hosts() -> None:
    def naive(ago_s: float) -> bytes:
        stamp = moment(ago_s).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S,123")
        return json.dumps({"asctime": stamp, "status": 502, "request_id": "x", "latency_ms": 3}).encode() + b"\n"

    reading = replay("gateway_log", naive(60))
    assert (reading.facts["status_5xx"], round(reading.facts["last_request_age_s"] or 0)) == (1, 60)
    assert replay("gateway_log", pair(60, "a", now=NOW.astimezone(UTC))).facts["requests"] == 1


def test_a_clock_that_was_set_back_hides_nothing_and_a_wrong_zone_is_said() -> None:
    facts = replay("gateway_log", pair(-3600, "ahead") + pair(60, "a")).facts
    assert (facts["requests"], facts["last_request_age_s"], facts["last_ok_age_s"]) == (1, 60, 60)
    with pytest.raises(ProbeError, match="dated in the future"):
        replay("gateway_log", pair(60, "a") + pair(-8 * 3600, "ahead"))


def test_a_bare_time_is_in_the_configured_unit() -> None:
    line = json.dumps({"time": moment(5).isoformat(), "status": 200, "request_id": "x", "response_time": 1500}).encode()
    assert replay("gateway_log", line).facts["slowest_s"] == 1500
    assert replay("gateway_log", line, time_unit="ms").facts["slowest_s"] == 1.5
    silent = line.replace(b"response_time", b"other")
    assert "does not tell how long" in str(replay("gateway_log", silent).reason("slowest_s"))


@pytest.mark.parametrize("log", [b"hello\n", b"{}\n[1]\nnull\n", random.Random(7).randbytes(4000), b'{"time": 1}\n'])
def test_what_holds_no_record_is_not_a_quiet_gateway(log: bytes) -> None:
    with pytest.raises(ProbeError, match="no line is a record of a request"):
        replay("gateway_log", log)


def test_an_empty_log_is_quiet_and_says_why_there_are_no_shares() -> None:
    reading = replay("gateway_log", b"")
    assert (reading.facts["requests"], reading.facts["served"], reading.facts["median_s"]) == (0, False, None)
    missing = [name for name, fact in reading.facts.items() if fact is None]
    assert all("no request ended" in str(reading.reason(name)) for name in missing)
    assert not series(reading, "median_s")


def test_a_file_that_nobody_wrote_to_is_told_from_one_that_is_quiet() -> None:
    assert replay("gateway_log", b"").facts["empty"] is True
    assert replay("gateway_log", pair(20_000, "old")).facts["empty"] is False
    older = Raw("gateway.log", b"", "/var/log/qwen-gateway.log", first_line=4711)
    assert probe("gateway_log").read([older], probe("gateway_log").arguments(), NOW).facts["empty"] is False


def test_other_lines_between_the_records_do_no_harm() -> None:
    log = b"INFO started\n" + pair(60, "a") + b"Traceback:\n  File x\n" + b"\xff\xfe\x00\n" + b"{" * 5000 + b"\n"
    log += pair(50, "b") + end(40, "c")[:-30]
    assert replay("gateway_log", log).facts["requests"] == 2


def test_hostile_numbers_give_no_odd_facts() -> None:
    for odd in ("1e308", "-1", "1e400", "NaN", '"Infinity"', "9" * 400, '"9h9h"', "true", "[]"):
        line = end(5, "x").replace(b'"response_time_ms": 900', b'"response_time_ms": ' + odd.encode())
        replay("gateway_log", line + end(4, "y"))


def test_keys_tokens_and_prompts_stay_out_of_the_proofs() -> None:
    secrets = {"api_key": "sk-abcdefgh12345678", "prompt": "my secret plan", "cookie": "sid=hush"}
    log = end(9, "a", 500, **secrets) + start(5, "b", **secrets) + end(4, "c", 401, **secrets)
    reading = replay("gateway_log", log)
    shown = " ".join(proof.text for proofs in reading.evidence.values() for proof in proofs)
    shown += " ".join(map(str, reading.notes))
    for secret in ("sk-abc", "secret plan", "hush"):
        assert secret not in shown


def test_a_day_is_judged_from_more_than_a_diagnosis_reads(tmp_path: Path) -> None:
    path, now = tmp_path / "gateway.log", local_now()
    path.write_bytes(b"".join(end(80_000 - n, f"r{n}", now=now, filling="." * 900) for n in range(20_000)))
    day = ask("gateway_log", path=str(path), recent_s=86_400.0)
    assert (day.facts["requests"], day.notes) == (20_000, ())
    assert ask("gateway_log", path=str(path)).facts["requests"] == 0


def test_proofs_stand_where_they_say(tmp_path: Path) -> None:
    path, now = tmp_path / "gateway.log", local_now()
    rows = [pair(4000 - n, f"r{n}", now=now, filling="." * 300) for n in range(3990)]
    path.write_bytes(b"".join(rows) + end(5, "bad", 500, now=now) + start(4, "waits", now=now))
    reading = ask("gateway_log", path=str(path))
    lines = path.read_text().split("\n")
    for name in ("status_5xx", "open_requests", "last_ok_age_s", "last_request_age_s"):
        proof = reading.evidence[name][0]
        assert lines[(proof.line or 0) - 1][:600] == proof.text
    assert '"bad"' in reading.evidence["status_5xx"][0].text


def test_a_part_says_that_it_is_one() -> None:
    reading = replay("gateway_log", (Raw("x", pair(5, "a"), "/var/log/x", 900, complete=False),))
    assert "only the newest part of /var/log/x" in str(reading.notes[0])


def test_a_log_of_ends_only_does_not_tell_who_waits() -> None:
    reading = replay("gateway_log", end(9, "a") + end(8, "b"))
    assert (reading.facts["open_requests"], reading.facts["oldest_open_s"]) == (None, None)
    assert "only when they end" in str(reading.reason("open_requests"))
    nameless = start(9, "").replace(b'"request_id": ""', b'"x": 1') + end(8, "b")
    assert replay("gateway_log", nameless).facts["open_requests"] is None


def test_who_is_forbidden_is_counted_where_the_gateway_forbids() -> None:
    log = b"".join(pair(20 - n, f"f{n}", user=f"u{n}", status=403, error="ip not allowed") for n in range(3))
    log = pair(30, "w", user="alice") + log.replace(b'"user_id": "alice", "status"', b'"user_id": "alice", "status"')
    reading = replay("gateway_log", log)
    assert (reading.facts["clients_forbidden"], reading.facts["forbidden_row"]) == (3, 3)
    assert reading.evidence["forbidden_row"]
    served = replay("gateway_log", log + pair(5, "z", user="u1"))
    assert (served.facts["clients_forbidden"], served.facts["forbidden_row"]) == (2, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"error": "insufficient_user_quota"},
        {"error": "该令牌额度已用尽"},
        {"error": "this key may not use model qwen3:14b"},
        {"error": "ollama: 403 "},
        {"upstream_status": "403"},
    ],
)
def test_other_refusals_with_403_are_not_the_allow_list(more: dict[str, str]) -> None:
    facts = replay("gateway_log", b"".join(pair(20 - n, f"f{n}", status=403, **more) for n in range(3))).facts
    assert (facts["clients_forbidden"], facts["forbidden_row"]) == (0, 0)
