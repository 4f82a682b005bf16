"""Clawdbot's own way to the gateway, as facts for a diagnosis."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from opskit.probes.base import ProbeError
from tests.probes.asking import NOW, ask, checked, collect, make, replay
from tests.probes.server import answer, refused_port, serving
from tests.probes.test_backend import JSON, KEY, UI, gateway, written
from tests.probes.test_fuzz import HARMS

NAMES = ("good", "refused", "timed_out", "unresolved", "key_refused", "no_route", "elsewhere", "status")


def look(config: str, gate: str, *, clawdbot: bool = True, seconds: float = 3.0) -> Reading:
    """Ask with a Clawdbot that runs here, in this network, or with none."""
    with serving(UI) as ui:
        return ask("way", seconds, config=config, gateway=gate, clawdbot=ui.url if clawdbot else "")


def some(reading: Reading) -> tuple[object, ...]:
    return tuple(reading.facts[name] for name in NAMES)


def test_a_way_that_leads_to_the_gateway_is_good(tmp_path: Path) -> None:
    with serving(gateway()) as server:
        reading = look(written(tmp_path, server.url + "/v1"), server.url)
    assert some(reading) == (True, False, False, False, False, False, False, 200)


def test_another_port_without_anybody_is_refused_and_elsewhere(tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{refused_port()}/v1"
    reading = look(written(tmp_path, base), "http://127.0.0.1:18789")
    assert some(reading) == (False, True, False, False, False, False, True, None)
    assert "connection refused" in reading.evidence["refused"][0].text


def test_a_key_that_is_refused_and_a_route_that_is_missing(tmp_path: Path) -> None:
    with serving(gateway(wants="another")) as server:
        reading = look(written(tmp_path, server.url + "/v1"), server.url)
    assert (reading.facts["key_refused"], reading.facts["status"]) == (True, 401)
    with serving(answer("404 Not Found", '{"error":"not found"}', JSON)) as server:
        reading = look(written(tmp_path, server.url), server.url)
    assert (reading.facts["no_route"], reading.facts["key_refused"]) == (True, False)


def test_without_a_key_of_clawdbots_nobody_says_that_it_is_refused(tmp_path: Path) -> None:
    with serving(gateway()) as server:
        facts = look(written(tmp_path, server.url + "/v1", ""), server.url).facts
    assert (facts["good"], facts["key_refused"]) == (None, False)


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    reading = look(written(tmp_path, "http://gateway.invalid:18789/v1"), "http://127.0.0.1:18789")
    assert (reading.facts["unresolved"], reading.facts["refused"]) == (True, False)


@pytest.mark.parametrize("base", ["http://gateway.invalid:18789/v1", "http://127.0.0.1:1/v1"])
def test_what_fails_from_here_may_work_where_clawdbot_is(tmp_path: Path, base: str) -> None:
    reading = look(written(tmp_path, base), "http://127.0.0.1:18789", clawdbot=False)
    assert set(reading.facts.values()) == {None}
    assert all(str(reading.reason(name)) for name in NAMES)


def test_a_gateway_that_keeps_silent(tmp_path: Path) -> None:
    with serving(lambda talk: talk.hang()) as server:
        facts = look(written(tmp_path, server.url + "/v1"), server.url, seconds=0.4).facts
    assert (facts["timed_out"], facts["refused"]) == (True, False)


@pytest.mark.parametrize("text", ["backend: {}", "[1]", "\x00", "backend: {api_base: 'ftp://x'}", "a: b: c"])
def test_a_configuration_that_says_nothing_accuses_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    reading = look(str(path), "http://127.0.0.1:18789")
    assert set(reading.facts.values()) == {None}
    assert str(reading.reason("refused"))


def test_no_configuration_is_said_and_the_key_is_kept_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"set stack\.clawdbot\.config"):
        collect("way")
    assert set(look(str(tmp_path / "none"), "").facts.values()) == {None}
    with serving(answer("401 No", f'{{"error":"{KEY} is wrong"}}', JSON)) as server:
        (raw,) = collect("way", config=written(tmp_path, server.url + "/v1"))
    assert KEY.encode() not in raw.data


def test_damaged_evidence_is_read_or_refused(tmp_path: Path) -> None:
    with serving(gateway()) as server:
        (raw,) = collect("way", config=written(tmp_path, server.url + "/v1"), gateway=server.url)
    assert replay("way", (raw,)).facts["good"] is True
    found, args = make("way")
    chance = random.Random(2)
    for harm in HARMS:
        for _ in range(30):
            try:
                changed = type(raw)(raw.name, harm(raw.data, chance), raw.origin)
                checked(found, found.read((changed,), args, NOW))
            except ProbeError:
                continue
