"""Redirects: followed on the same host, within limits, and never to an answer that proves nothing of this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.probes.asking import ask, value
from tests.probes.authority import authority, lasting, server_context
from tests.probes.server import Script, Talk, answer, refused_port, serving


def to(place: str, status: str = "302 Found") -> bytes:
    return answer(status, headers=f"Location: {place}\r\n")


def by_path(**answers: bytes) -> Script:
    """Answers by the first word of the path; all else does not exist."""

    def script(talk: Talk) -> None:
        path = talk.hear().split(b" ")[1].decode().strip("/").partition("/")[0] or "root"
        talk.sock.sendall(answers.get(path, answer("404 Not Found", "no")))

    return script


def test_a_redirect_is_followed_and_its_end_is_shown() -> None:
    with serving(by_path(health=to("/live"), live=answer(body='{"status":"ok"}'))) as server:
        reading = ask("http", url=server.url + "/health")
        off = ask("http", url=server.url + "/health", redirects="none")
    assert (reading.facts["ok"], reading.facts["status"]) == (True, 200)
    assert f"{server.url}/health redirects: the answer is that of {server.url}/live" in map(str, reading.notes)
    assert (value(reading, "total_s") or 0) > (value(reading, "first_byte_s") or 0)
    assert (off.facts["ok"], off.facts["status"]) == (False, 302)


def test_a_log_in_page_behind_every_path_proves_nothing() -> None:
    def script(talk: Talk) -> None:
        login = talk.hear().startswith(b"GET /login")
        talk.sock.sendall(answer(body="<form>") if login else to("/login"))

    with serving(script) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["proves_nothing"], reading.facts["ok"]) == (True, False)


ASTRAY = [
    (to("/health"), "redirects in a circle, back to"),
    (to("http://other.invalid/x"), "redirects to another host, http://other.invalid/x"),
    (to("javascript:alert(1)"), "redirects to what is no http(s) address: 'javascript:alert(1)'"),
    (answer("301 Moved Permanently"), "redirects to what is no http(s) address"),
    (to("http://127.0.0.1:99999/"), "redirects to what is no http(s) address"),
    (to("http://[::1/"), "redirects to what is no http(s) address"),
]


@pytest.mark.parametrize(("given", "said"), ASTRAY)
def test_a_redirect_that_leads_nowhere_is_told(given: bytes, said: str) -> None:
    with serving(given) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["answered"], reading.facts["ok"], reading.facts["served"]) == (True, False, True)
    assert said in str(reading.reason("healthy"))


def test_there_is_an_end_to_redirects() -> None:
    def script(talk: Talk) -> None:
        number = int(talk.hear().split(b" ")[1].rpartition(b"/")[2], 16)
        talk.sock.sendall(to(f"/{number + 1:x}"))

    with serving(script) as server:
        reading = ask("http", url=server.url + "/0", decoy=False)
    assert f"more than 10 redirects, the next one to {server.url}/b" in str(reading.reason("healthy"))


def test_a_redirect_into_nothing_is_a_bad_answer_and_no_refusal_of_the_door() -> None:
    port = refused_port()
    with serving(to(f"http://127.0.0.1:{port}/")) as server:
        reading = ask("http", url=server.url)
    assert (reading.facts["answered"], reading.facts["refused"], reading.facts["ok"]) == (True, False, False)
    assert f"connection refused by http://127.0.0.1:{port}/" in str(reading.reason("healthy"))


def test_from_http_to_https_the_certificate_is_looked_at(tmp_path: Path) -> None:
    context = server_context(tmp_path, lasting(60, issuer=authority()))
    with serving(answer(body="x"), context) as secure, serving(to(secure.url + "/")) as server:
        reading = ask("http", url=server.url)
        blind = ask("http", url=server.url, verify=False, decoy=False)
    assert "does not verify" in str(reading.reason("healthy"))
    assert blind.facts["ok"] is True


def test_another_host_is_followed_where_that_is_wanted() -> None:
    with serving(answer(body="there"), at=("127.0.0.2", 0)) as other:
        place = f"http://127.0.0.2:{other.port}/?token=hush-hush"
        with serving(to(place)) as server:
            reading = ask("http", url=server.url, redirects="any", decoy=False)
            strict = ask("http", url=server.url, decoy=False)
    assert reading.facts["ok"] is True
    assert "the answer is that of another host" in map(str, reading.notes)
    assert "to another host" in str(strict.reason("healthy"))
    assert "hush" not in str(strict.reason("healthy")) + str(reading.notes)


@pytest.mark.parametrize(
    ("place", "circular"), [("/", True), ("", False), ("/login", False), ("https://chat.example.test/", False)]
)
def test_nginx_that_redirects_to_the_address_that_was_asked_is_circular(place: str, circular: bool) -> None:
    with serving(by_path(root=to(place))) as server:
        facts = ask(
            "nginx_http",
            url=f"{server.url}/",
            target="nginx",
            expect_status=None,
            decoy=False,
            redirects="none",
        ).facts
    assert (facts["circular"], facts["served"], facts["handshaken"]) == (circular, True, False)
