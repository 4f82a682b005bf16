"""Dates that seem out of order because a clock is wrong: told where something was seen that speaks for it."""

from __future__ import annotations

import email.utils
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from opskit.model.status import Status
from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.authority import NOW, Issued, authority, lasting, server_context
from tests.probes.server import Talk, answer, serving
from tests.probes.test_certificate import stored, verdict


def dated(days: float) -> bytes:
    """An HTTP answer by a clock that is so many days ahead."""
    return answer(headers=f"Date: {email.utils.format_datetime(NOW + timedelta(days=days), usegmt=True)}\r\n")


def shown(folder: Path, said: bytes, one: Issued, ca: Issued) -> tuple[Reading, Status]:
    with serving(said, server_context(folder, one)) as server:
        given = {"endpoints": (f"127.0.0.1:{server.port}",), "ca_file": stored(folder, ca, name="ca.pem")}
        return ask("certificate", **given), verdict(**given).status


def test_by_the_servers_clock_it_is_valid_so_one_of_both_is_wrong(tmp_path: Path) -> None:
    ca = authority()
    for one, off in ((lasting(-2, issuer=ca), -10), (lasting(95, issuer=ca), 10)):
        reading, status = shown(tmp_path, dated(off), one, ca)
        place = series(reading, "days_left")[0].labels["certificate"]
        why = reading.reason(f"{'days_left' if off < 0 else 'begun'} {place}")
        assert "by the server's own clock, " in str(why)
        assert "one of the two clocks is wrong" in str(why)
        assert round((value(reading, "clock_off_s") or 0) / 86400) == -off
        assert status is Status.CRITICAL


def test_a_server_whose_clock_is_ours_or_off_by_little_says_nothing(tmp_path: Path) -> None:
    ca = authority()
    since = (datetime.now(UTC) - NOW) / timedelta(days=1)  # the other tests may have taken a while
    reading, status = shown(tmp_path, dated(since + 0.001), lasting(-2, issuer=ca), ca)
    assert series(reading, "clock_off_s") == []
    assert "clock" not in str(reading.reason(f"days_left {series(reading, 'days_left')[0].labels['certificate']}"))
    assert status is Status.CRITICAL


def test_where_it_has_ended_by_both_clocks_the_certificate_is_not_excused(tmp_path: Path) -> None:
    ca = authority()
    reading, status = shown(tmp_path, dated(-1), lasting(-2, issuer=ca), ca)
    assert value(reading, "clock_off_s") is not None
    assert "it is valid" not in " ".join(map(str, reading.why.values()))
    assert status is Status.CRITICAL


@pytest.mark.parametrize(
    "said",
    [
        b"", b"220 mail\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: Thu, 99 Foo 99999 99:99:99 GMT\r\n\r\n", b"HTTP/1.1 " + b"x" * 90_000,
    ],
)  # fmt: skip
def test_what_is_no_date_is_no_evidence(tmp_path: Path, said: bytes) -> None:
    ca = authority()
    reading, status = shown(tmp_path, said, lasting(-2, issuer=ca), ca)
    assert series(reading, "clock_off_s") == []
    assert status is Status.CRITICAL


def test_a_healthy_server_is_asked_nothing(tmp_path: Path) -> None:
    ca = authority()
    with serving(dated(0), server_context(tmp_path, lasting(60, issuer=ca))) as server:
        ask("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca, name="ca.pem"))
    assert [each for each in server.heard if each] == []


def test_one_that_hangs_after_the_handshake_costs_its_share_alone(tmp_path: Path) -> None:
    ca = authority()
    with serving(Talk.hang, server_context(tmp_path, lasting(-2, issuer=ca))) as server:
        reading = ask("certificate", 1.0, endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca))
    assert (value(reading, "days_left") or 0) < 0


def test_an_unsynchronized_clock_is_named_beside_the_date_and_only_there(tmp_path: Path) -> None:
    path = stored(tmp_path, lasting(-2))
    (raw,) = collect("certificate", files=[path])
    found = json.loads(raw.data)
    for synchronized, expected in ((False, True), (True, False)):
        found["clock"] = {"synchronized": synchronized, "service": "chronyd"}
        odd = type(raw)(raw.name, json.dumps(found).encode(), raw.origin)
        why = str(replay("certificate", (odd,), NOW).reason(f"days_left {path}"))
        assert ("chronyd runs, but this host's clock is not synchronized" in why) is expected
        early = replay("certificate", (odd,), NOW - timedelta(days=10))
        assert "chronyd" not in str(list(map(str, early.why.values()))) + str(list(map(str, early.notes)))


def test_a_machine_with_the_same_time_takes_the_doubt_away(tmp_path: Path) -> None:
    ca = authority()
    with serving(dated(0), server_context(tmp_path, lasting(-2, issuer=ca))) as server:
        (raw,) = collect("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca))
    found = json.loads(raw.data)
    found["clock"] = {"synchronized": False, "service": "chronyd"}
    for local, expected in ((True, True), (False, False)):
        found["seen"][0]["local"] = local
        odd = type(raw)(raw.name, json.dumps(found).encode(), raw.origin)
        assert ("not synchronized" in " ".join(map(str, replay("certificate", (odd,), NOW).why.values()))) is expected


@pytest.mark.parametrize(
    ("begins_in_s", "written_ago_s", "told"),
    [(1800, 60, True), (1800, 7200, False), (7200, 60, False), (1800, -7200, False)],
)
def test_one_that_was_written_just_before_it_begins(
    tmp_path: Path, begins_in_s: float, written_ago_s: float, told: bool
) -> None:
    begins = NOW + timedelta(seconds=begins_in_s)
    path = stored(tmp_path, Issued("young", begins, begins + timedelta(days=90)))
    os.utime(path, (NOW.timestamp() - written_ago_s,) * 2)
    judged = verdict(files=(path,))
    assert judged.status is Status.CRITICAL
    assert ("this host's clock is behind, or its issuer's is ahead" in str(judged.items[0].text)) is told
