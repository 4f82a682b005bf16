"""OpenClaw is known by what its routes answer, as measured on 2026.9.6; a page that answers everything is not one."""

from __future__ import annotations

import pytest

from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.server import Script, Talk, answer, serving

JSON, HTML = "Content-Type: application/json\r\n", "Content-Type: text/html; charset=utf-8\r\n"
PAGE = answer(body="<!doctype html><title>Control</title>", headers=HTML)
LIVE = answer(body='{"ok":true,"status":"live"}', headers=JSON)
READY = answer(body='{"ready":true,"failing":[],"uptimeMs":5,"eventLoop":{"degraded":false}}', headers=JSON)
UNREADY = answer("503 Service Unavailable", '{"ready":false,"failing":["telegram","\\u001b[31mx"],"uptimeMs":5}', JSON)


def claw(live: tuple[str, ...] = ("/health", "/healthz"), ready: bytes = READY) -> Script:
    def script(talk: Talk) -> None:
        path = talk.hear().split(b" ")[1].decode()
        talk.sock.sendall(LIVE if path in live else ready if path == "/readyz" else PAGE)

    return script


def test_a_live_and_ready_openclaw_is_recognised_and_said_to_prove_no_model() -> None:
    with serving(claw()) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["ok"], value(reading, "ready")) == (True, 1.0)
    assert any("answers as OpenClaw does" in str(note) and "latency" in str(note) for note in reading.notes)


def test_one_that_is_not_ready_names_its_parts() -> None:
    with serving(claw(ready=UNREADY)) as server:
        raws = collect("http", url=server.url + "/healthz")
        reading = replay("http", raws, url=server.url + "/healthz")
    assert (reading.facts["ok"], value(reading, "ready")) == (True, 0.0)
    said = str(reading.reason("ready"))
    assert said.startswith(f"{server.url}/readyz says that it is not ready: telegram, ")
    assert "\x1b" not in said


def test_readiness_as_the_health_route_is_critical_and_explained() -> None:
    with serving(claw(ready=UNREADY)) as server:
        reading = ask("http", url=server.url + "/readyz")
    assert (reading.facts["ok"], value(reading, "ready"), value(reading, "healthy")) == (False, 0.0, 0.0)
    assert "says that it is not ready: telegram" in str(reading.reason("healthy"))


def test_a_route_of_openclaw_that_proves_nothing_is_sent_to_the_one_that_does() -> None:
    with serving(claw()) as server:
        reading = ask("http", url=server.url + "/status")
    assert reading.facts["proves_nothing"] is True
    said = str(reading.reason("route_proves_health"))
    assert said == f"this is OpenClaw: ask {server.url}/healthz (`stack.clawdbot.health_path: /healthz`)"


def test_an_old_one_without_any_route_is_said_to_have_none() -> None:
    with serving(PAGE) as server:
        reading = ask("http", url=server.url + "/health")
    assert "`clawdbot health --json`" in str(reading.reason("route_proves_health"))
    assert series(reading, "ready") == []


LOOK_ALIKES = ['{"ok":1,"status":"live"}', '{"status":"live"}', '[{"ok":true}]', '{"ready":"yes"}', "{", "null"]


@pytest.mark.parametrize("body", LOOK_ALIKES)
def test_what_only_looks_like_it_is_not_taken_for_it(body: str) -> None:
    def script(talk: Talk) -> None:
        real = b"/health " in talk.hear()
        talk.sock.sendall(answer(body=body, headers=JSON) if real else answer("404 Not Found", "no"))

    with serving(script) as server:
        reading = ask("http", url=server.url + "/health")
    assert reading.facts["ok"] is True
    assert series(reading, "ready") == []
    assert not any("OpenClaw" in str(note) for note in reading.notes)
