"""Health routes: an answer, an answer that proves nothing, and everything that is none."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from opskit.model.settings import Settings
from opskit.probes.registry import probe
from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.authority import authority, lasting, server_context
from tests.probes.server import Talk, answer, refused_port, serving

HEALTH = '{"status":"ok"}'


def by_path(talk: Talk) -> None:
    """A server whose health route is a real one."""
    found = talk.hear().startswith(b"GET /health ")
    talk.sock.sendall(answer(body=HEALTH) if found else answer("404 Not Found", "no such page"))


def test_a_health_route_of_its_own_is_believed() -> None:
    with serving(by_path) as server:
        reading = ask("http", url=server.url + "/health")
    facts = reading.facts
    assert (facts["answered"], facts["ok"], facts["served"], facts["proves_nothing"]) == (True, True, True, False)
    assert (value(reading, "answered"), value(reading, "healthy"), value(reading, "route_proves_health")) == (1, 1, 1)
    assert [name for name in ("dns_s", "connect_s", "first_byte_s", "total_s") if series(reading, name)]
    assert reading.evidence["ok"][0].source == server.url + "/health"


def test_a_page_for_every_path_proves_nothing() -> None:
    with serving(answer(body="<html>the app</html>")) as server:
        reading = ask("http", url=server.url + "/health")
        assert server.path(0) == "/health"
        assert server.path(1).startswith("/opskit-")
    assert (reading.facts["ok"], reading.facts["proves_nothing"]) == (False, True)
    assert (value(reading, "healthy"), value(reading, "route_proves_health")) == (1, 0)


def test_a_bad_status_is_an_answer_and_not_health() -> None:
    with serving(answer("503 Service Unavailable", "draining")) as server:
        reading = ask("http", url=server.url)
    assert (reading.facts["answered"], reading.facts["ok"], reading.facts["served"]) == (True, False, False)
    assert value(reading, "healthy") == 0
    assert "status 503" in str(reading.reason("healthy"))


def test_a_redirect_is_no_health_but_somebody_serves() -> None:
    with serving(answer("302 Found", headers="Location: /login\r\n")) as server:
        reading = ask("http", url=server.url)
    assert (reading.facts["ok"], reading.facts["served"], reading.facts["status"]) == (False, True, 302)


@pytest.mark.parametrize("name", ["http", "nginx_http", "gateway_http"])
def test_a_refused_connection_is_no_answer(name: str) -> None:
    reading = ask(name, url=f"http://127.0.0.1:{refused_port()}/")
    facts = reading.facts
    assert (facts["answered"], facts["refused"], facts["timed_out"], facts["ok"]) == (False, True, False, False)
    assert [sample.metric for sample in reading.samples] == ["answered"]
    assert "nothing listens there" in str(reading.reason("answered"))


def test_silence_is_a_time_out_and_no_refusal() -> None:
    with serving(Talk.hang) as server:
        reading = ask("http", 0.3, url=server.url)
    facts = reading.facts
    assert (facts["answered"], facts["refused"], facts["timed_out"]) == (False, False, True)
    assert "stuck at: wait for the first byte" in str(reading.reason("answered"))


def test_a_head_without_an_end_to_its_body_is_not_healthy_and_has_no_total() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        talk.drip(b".")

    with serving(script) as server:
        reading = ask("http", 0.4, url=server.url)
    facts = reading.facts
    assert (facts["answered"], facts["ok"], facts["timed_out"], facts["total_s"]) == (True, False, True, None)
    assert facts["first_byte_s"] is not None
    assert (value(reading, "healthy"), series(reading, "total_s")) == (0, [])


def test_an_answer_cut_short_is_not_healthy() -> None:
    with serving(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"status":"ok"') as server:
        reading = ask("http", url=server.url)
    assert (reading.facts["ok"], reading.facts["failure"]) == (False, "protocol")


def test_a_text_that_is_expected_is_looked_for_in_the_whole_page() -> None:
    def script(talk: Talk) -> None:
        ours = b"opskit-" not in talk.hear()
        talk.sock.sendall(answer(body="x" * 9000 + ("all systems go" if ours else "nothing")))

    with serving(script) as server:
        far = collect("http", url=server.url, expect_text="all systems go")
        assert replay("http", far, expect_text="all systems go").facts["ok"] is True
        assert ask("http", url=server.url, expect_text="all systems gone").facts["ok"] is False
    assert len(far[0].data) < 12_000


def test_secrets_in_a_page_do_not_get_into_the_evidence() -> None:
    page = '{"api_key":"sk-abcdefgh12345678","cookie":"sid=42","prompt":"my secret plan","ok":true}'
    with serving(answer(body=page, headers="Set-Cookie: sid=42\r\nLocation: /?token=hush-hush\r\n")) as server:
        data = collect("http", url=server.url)[0].data
    for secret in (b"sk-abc", b"sid=42", b"secret plan", b"hush"):
        assert secret not in data


def titled(title: str, more: str = "") -> bytes:
    return answer(body=f"<html><head>\n<TITLE lang=en>{title}</TITLE></head><body>{more}</body></html>")


PAGES: list[tuple[bytes, bytes, bool | None]] = [
    (titled("Clawdbot"), titled("Clawdbot"), False),
    (titled("Clawdbot", "nonce 1"), titled("  Clawdbot\n", "nonce 2"), False),
    (titled("Billing"), titled("Clawdbot"), True),
    (titled("Welcome to nginx!"), titled("Clawdbot"), True),
    (titled("Apache2 Debian Default Page: It works"), answer("503 Service Unavailable"), True),
    (titled("Clawdbot"), answer("503 Service Unavailable"), None),
    (answer(body="{}"), titled("Clawdbot"), None),
    (answer(body="the same"), answer(body="the same"), False),
    (answer("302 Found", headers="Location: /login\r\n"), titled("Clawdbot"), None),
    (answer("401 Unauthorized", "<title>Sign in</title>"), titled("Clawdbot"), None),
]


@pytest.mark.parametrize(("shown", "origin", "foreign"), PAGES)
def test_another_page_than_the_origins_is_foreign(shown: bytes, origin: bytes, foreign: bool | None) -> None:
    with serving(shown) as front, serving(origin) as back:
        reading = ask("nginx_http", url=front.url, origin=back.url)
    assert reading.facts["foreign_page"] is foreign
    assert (reading.reason("foreign_page") is None) is (foreign is not None)


def test_a_certificate_is_another_probes_subject_at_the_door(tmp_path: Path) -> None:
    with serving(answer(body="x"), server_context(tmp_path, lasting(60, issuer=authority()))) as server:
        doors = ask("nginx_http", url=server.url, target="nginx", expect_status=None, decoy=False, verify=False)
        strict = ask("http", url=server.url)
    assert (doors.facts["answered"], doors.facts["ok"]) == (True, True)
    assert value(doors, "tls_s") is not None
    assert (strict.facts["answered"], strict.facts["failure"]) == (False, "certificate")


def test_a_door_tells_whether_its_certificate_has_ended(tmp_path: Path) -> None:
    for days, ended in ((60, False), (-2, True)):
        with serving(answer(body="x"), server_context(tmp_path, lasting(days))) as server:
            assert ask("nginx_http", url=server.url, verify=False).facts["certificate_expired"] is ended
    with serving(answer(body="x")) as server:
        assert ask("nginx_http", url=server.url).facts["certificate_expired"] is False
    with serving(Talk.hang) as server:
        silent = ask("nginx_http", 0.3, url=f"https://127.0.0.1:{server.port}/", verify=False)
    assert (silent.facts["certificate_expired"], bool(silent.reason("certificate_expired"))) == (None, True)


CERTIFICATES = [(-2, "it ended 2.0 days ago"), (60, "by its dates it is good for another 60.0 days")]


@pytest.mark.parametrize(("days", "words"), CERTIFICATES)
def test_a_certificate_that_does_not_verify_is_told_with_its_dates_and_what_is_behind_it(
    days: int, words: str, tmp_path: Path
) -> None:
    with serving(answer(body="x"), server_context(tmp_path, lasting(days))) as server:
        reading = ask("http", url=server.url)
    assert [sample.metric for sample in reading.samples] == ["answered"]
    told = str(reading.reason("answered"))
    assert f"the certificate of {server.url} does not verify: " in told
    assert told.endswith(f"; {words}; asked without trust it answers status 200")


def test_a_certificate_that_verifies_is_told_with_its_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = authority()
    (tmp_path / "ca.pem").write_bytes(issuer.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(by_path, server_context(tmp_path, lasting(60, issuer=issuer))) as server:
        reading = ask("http", url=server.url + "/health")
    assert reading.facts["ok"] is True
    assert "its certificate is good for another 60.0 days" in map(str, reading.notes)


@pytest.mark.parametrize(("name", "key"), [("http", "clawdbot"), ("nginx_http", "nginx"), ("gateway_http", "gateway")])
def test_each_door_has_evidence_of_its_own(name: str, key: str) -> None:
    found = probe(name)
    args = found.defaults(Settings())
    assert found.key(args) == f"http-{key}"
    assert msgspec.structs.asdict(args)["target"] == key


def test_every_fact_that_is_missing_says_why() -> None:
    reading = ask("http", url=f"http://127.0.0.1:{refused_port()}/")
    missing = [name for name, fact in reading.facts.items() if fact is None]
    assert missing
    assert all(reading.reason(name) for name in missing)
