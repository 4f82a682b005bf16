"""Nginx's error log: which service behind it refused, kept silent or died."""

from __future__ import annotations

import random
from datetime import UTC, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.lab.part import local_now
from opskit.model.raw import Raw
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.registry import probe
from tests.probes.asking import NOW, as_nobody, collect, replay
from tests.probes.lines import DIED, REFUSED, TIMED_OUT, error

PORTS = {"gateway": "http://127.0.0.1:18789", "clawdbot": "http://127.0.0.1:8080"}
MUSL = REFUSED.replace("Connection refused", "verbunden wird nicht")
SOCKET = "connect() to unix:/run/gate.sock failed (2: No such file or directory) while connecting to upstream"


def facts(log: bytes, **given: str) -> dict[str, object]:
    found = replay("nginx_error", log, **{**PORTS, **given}).facts
    return {name: count for name, count in found.items() if count}


def test_services_are_told_apart_by_their_ports() -> None:
    log = error(9) + error(8, MUSL) + error(7, port=8080) + error(6, TIMED_OUT) + error(5, TIMED_OUT, 8080)
    assert facts(log) == {
        "gateway_refused": 2, "clawdbot_refused": 1, "gateway_timeouts": 1, "clawdbot_timeouts": 1,
    }  # fmt: skip


def test_a_stream_that_broke_and_a_crowd_and_an_emergency() -> None:
    crowd, panic = "1024 worker_connections are not enough while connecting to upstream", "bind() failed"
    log = error(9, DIED) + error(8, crowd, level="alert") + error(7, panic, level="emerg")
    log += error(6, DIED.replace("reading upstream", "reading response header from upstream"))
    assert facts(log) == {"died_midstream": 1, "no_connections_left": 1, "emergencies": 2, "no_connections_age_s": 8}


def test_only_the_last_minutes_count_and_the_newest_line_is_the_proof() -> None:
    reading = replay("nginx_error", error(2000) + error(60) + error(30) + error(20, TIMED_OUT), **PORTS)
    assert reading.facts["gateway_refused"] == 2
    assert reading.evidence["gateway_refused"][0].line == 3
    assert "gateway_timeouts" in reading.evidence
    assert "died_midstream" not in reading.evidence


def test_times_are_the_hosts_local_ones() -> None:
    assert facts(error(60, now=NOW.astimezone(UTC), zone=UTC)) == {}  # eight hours ago, as far as this host knows
    west = NOW.astimezone(timezone(timedelta(hours=-5)))
    found = replay("nginx_error", error(60, zone=west.tzinfo or UTC), west, **PORTS)
    assert found.facts["gateway_refused"] == 1


def test_a_log_of_another_zone_is_no_proof_of_anything() -> None:
    ahead = timezone(timedelta(hours=11))
    with pytest.raises(ProbeError, match="its zone is not this host's"):
        replay("nginx_error", error(600, zone=ahead) + error(60, zone=ahead), **PORTS)
    assert facts(error(60, zone=ahead) + error(50)) == {"gateway_refused": 1}


def test_an_empty_log_is_a_quiet_one_and_another_format_is_not() -> None:
    assert facts(b"") == facts(b"\n\n") == {}
    for log in (b"hello\n", random.Random(7).randbytes(4000), b'{"level":"error"}\n'):
        with pytest.raises(ProbeError, match="no line has a known format"):
            replay("nginx_error", log, **PORTS)
    assert facts(error(9) + b"PHP message: trace\n#0 {main}\n" + error(8)) == {"gateway_refused": 2}


def test_a_log_is_read_over_its_rotation(tmp_path: Path) -> None:
    now = local_now()
    zone = now.tzinfo or UTC
    (tmp_path / "error.log.1").write_bytes(error(4000, zone=zone, now=now) + error(60, zone=zone, now=now))
    (tmp_path / "error.log").write_bytes(error(30, TIMED_OUT, zone=zone, now=now))
    found = probe("nginx_error")
    args = msgspec.convert({"path": str(tmp_path / "error.log"), **PORTS}, type(found).arguments)
    reading = found.read(found.collect(args, Deadline(5)), args, now)
    assert (reading.facts["gateway_refused"], reading.facts["gateway_timeouts"]) == (1, 1)
    proof = reading.evidence["gateway_refused"][0]
    assert (proof.source, proof.line) == (str(tmp_path / "error.log.1"), 2)


def test_hostile_and_cut_lines_count_for_nobody() -> None:
    cut = error(9)[:-70]
    bad_port = error(8).replace(b":18789/", b":99999/")
    fake = error(7, 'user "x", upstream: "http://127.0.0.1:18789/" was not found')
    found = facts(cut + b"\n" + bad_port + fake + error(5).replace(b"POST", b"\xff\xfe\x00"))
    assert found["gateway_refused"] <= 2
    assert set(found) == {"gateway_refused"}


@pytest.mark.parametrize("address", ["", "http://[", "http://gate:port"])
def test_a_service_without_a_usable_address_gets_no_blame(address: str) -> None:
    unix = error(9, SOCKET).replace(b"http://127.0.0.1:18789/", b"http://unix:/run/gate.sock:/")
    assert facts(unix + error(8), gateway=address) == {}


def test_defaults_point_to_the_configured_parts() -> None:
    args = probe("nginx_error").defaults(Settings())
    assert (args.gateway, args.clawdbot) == ("http://127.0.0.1:18789", "http://127.0.0.1:8080")


def test_a_proof_keeps_secrets_to_itself() -> None:
    line = error(5).replace(b"POST /v1/chat/completions", b"POST /v1/chat/completions?api_key=hush-hush-1")
    reading = replay("nginx_error", line, **PORTS)
    assert "hush" not in reading.evidence["gateway_refused"][0].text


def counts(log: bytes, **given: object) -> dict[str, float | None]:
    reading = replay("nginx_error", log, recent_s=360, **given)
    return {sample.metric: sample.value for sample in reading.samples if sample.value}


def limited(ago_s: float, client: str) -> bytes:
    return error(ago_s, 'limiting requests, excess: 5.1 by zone "chat"').replace(b"10.0.0.1", client.encode())


def test_lines_are_counted_by_their_meaning_within_the_window() -> None:
    log = error(400) + error(300) + error(200, TIMED_OUT) + error(100, DIED)
    log += error(50, 'open() "/srv/x" failed (2: No such file or directory)')
    assert counts(log) == {"upstream_refused": 1, "upstream_timeouts": 1, "upstream_cut": 1, "records": 4}


def test_a_limit_tells_how_many_it_refused() -> None:
    one = b"".join(limited(100 - number, "10.0.0.9") for number in range(12))
    several = b"".join(limited(100 - number, f"10.0.0.{number % 4}") for number in range(12))
    assert (counts(one)["limited"], counts(one)["limited_clients"]) == (12, 1)
    assert (counts(several)["limited"], counts(several)["limited_clients"]) == (12, 4)


def state(log: bytes) -> str:
    reading = replay("nginx_error", log, recent_s=360)
    return evaluate(checks.load().good["nginx-errors"], reading, NOW.timestamp()).status.value


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (b"", "ok"),
        (error(9) * 2, "ok"),
        (error(9) * 3, "warning"),
        (error(9) * 20, "critical"),
        (error(500) * 20, "ok"),
        (error(9, TIMED_OUT) * 3, "warning"),
        (error(9, DIED) * 20, "critical"),
        (error(9, "1024 worker_connections are not enough", level="alert"), "warning"),
        (error(9, "accept4() failed (24: Too many open files)", level="crit") * 10, "critical"),
        (error(9, "worker process 4711 exited on signal 11", level="alert"), "warning"),
        (error(9, 'open() "/srv/.env" failed (2: No such file or directory)') * 500, "ok"),
        (b"".join(limited(9, f"10.0.0.{number % 4}") for number in range(12)), "warning"),
        (limited(9, "10.0.0.9") * 500, "ok"),
    ],
)
def test_the_shipped_check_judges_the_counts(log: bytes, expected: str) -> None:
    assert state(log) == expected


def test_a_quiet_log_an_empty_one_and_one_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    quiet = replay("nginx_error", error(3600), recent_s=360)
    assert [str(note) for note in quiet.notes] == ["the newest record is 60 min old"]
    (empty,) = replay("nginx_error", b"", recent_s=360).notes
    assert "holds nothing" in str(empty)
    long_ago = Raw("evidence", b"", "/var/log/evidence", 9001)
    (still,) = replay("nginx_error", (long_ago,), recent_s=360).notes
    assert "no record of the last hours" in str(still)
    with pytest.raises(ProbeError, match="no such file"):
        collect("nginx_error", path=str(tmp_path / "error.log"))
    (tmp_path / "error.log").write_bytes(error(9))
    (tmp_path / "error.log").chmod(0)
    path, zone = str(tmp_path / "error.log"), "lambda line: None"
    said = as_nobody(tmp_path, "opskit.probes.log_tail", f"collect_log('x', {path!r}, 0.0, {zone}, Deadline(5))")
    assert "permission denied" in said


def test_a_window_longer_than_two_hours_is_read_as_long(tmp_path: Path) -> None:
    now = local_now()
    zone = now.tzinfo or UTC
    (tmp_path / "error.log").write_bytes(error(20000, zone=zone, now=now) + error(10000, zone=zone, now=now))
    found = probe("nginx_error")
    args = msgspec.convert({"path": str(tmp_path / "error.log"), "recent_s": 86400}, type(found).arguments)
    reading = found.read(found.collect(args, Deadline(5)), args, now)
    assert {sample.metric: sample.value for sample in reading.samples}["upstream_refused"] == 2


def test_each_group_of_records_is_found_by_its_words_and_numbers() -> None:
    temp = '/var/lib/nginx/body/0000000007" failed (13: Permission denied)'
    upstream = "connect() failed (111: Connection refused) while connecting to upstream"
    log = error(20, upstream, port=9) + error(19, "accept4() failed (24: Too many open files)", level="crit")
    log += error(18, f'open() "{temp}').replace(b", upstream: ", b", x: ") + error(17, f'open() "{temp}')
    log += error(16, "client intended to send too large body: 9000000 bytes")
    log += error(15, 'limiting requests, excess: 5.2 by zone "chat"') + error(
        14, "gateway could not be resolved (3: x)"
    )
    log += error(13, 'pwrite() "/var/cache/nginx/1" failed (28: No space left on device)', level="crit")
    log += error(12, "upstream sent no valid HTTP/1.0 header while reading response header from upstream")
    log += error(11, "upstream sent too big header while reading response header from upstream")
    log += error(10, "no live upstreams while connecting to upstream") + error(9, "access forbidden by rule")
    assert facts(log) == {
        "elsewhere_refused": 1, "no_files_left": 1, "bodies_unwritable": 1, "bodies_refused": 1, "limited": 1,
        "limited_clients": 1, "unresolved": 1, "disk_full": 1, "bad_answers": 1, "headers_too_big": 1, "no_live": 1,
        "forbidden_by_rule": 1,
    }  # fmt: skip


def test_pages_of_other_sites_and_sockets_are_not_the_chats_way() -> None:
    page = error(9, port=3000).replace(b"POST /v1/chat/completions", b"GET /blog")
    unix = error(8, SOCKET).replace(b"http://127.0.0.1:18789/", b"http://unix:/run/gate.sock:/")
    assert facts(page + unix) == {}
    assert facts(error(9, port=3000)) == {"elsewhere_refused": 1}


def test_the_age_of_the_newest_crowd_is_told_or_explained() -> None:
    crowd = "1024 worker_connections are not enough"
    reading = replay("nginx_error", error(90, crowd) + error(40, crowd), **PORTS)
    assert (reading.facts["no_connections_left"], reading.facts["no_connections_age_s"]) == (2, 40)
    assert "no_connections_age_s" in reading.evidence
    quiet = replay("nginx_error", error(9), **PORTS)
    assert quiet.facts["no_connections_age_s"] is None
    assert "no such line" in str(quiet.reason("no_connections_age_s"))
