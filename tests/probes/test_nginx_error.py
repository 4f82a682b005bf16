"""Nginx's error log: which service behind it refused, kept silent or died."""

from __future__ import annotations

import random
from datetime import UTC, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from opskit.lab.part import local_now
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.registry import probe
from tests.probes.asking import NOW, replay
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
    assert facts(log) == {"died_midstream": 1, "no_connections_left": 1, "emergencies": 2}


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
