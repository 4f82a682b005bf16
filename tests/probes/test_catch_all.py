"""Any path gets the same answer: pages made anew each time are seen through, and routes that differ are believed."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable

import pytest

from tests.probes.asking import ask
from tests.probes.server import Talk, answer, serving

HTML, JSON = "Content-Type: text/html\r\n", "Content-Type: application/json\r\n"
LAYOUT = "<p>One line of a page that is the same everywhere on this site.</p>\n" * 20
Page = Callable[[str, int], bytes]


def served(page: Page) -> Callable[[Talk], None]:
    numbers = itertools.count(1)

    def script(talk: Talk) -> None:
        talk.sock.sendall(page(talk.hear().split(b" ")[1].decode(), next(numbers)))

    return script


def html(text: str) -> bytes:
    return answer(body=f"<!doctype html><title>Chat</title>{LAYOUT}{text}", headers=HTML)


def real(path: str) -> bool:
    return path == "/health"


SAME: dict[str, Page] = {
    "a nonce": lambda _p, _n: html(f'<script nonce="{secrets.token_urlsafe(12)}">'),
    "a nonce early": lambda _p, _n: answer(body=f'<script nonce="{secrets.token_hex(9)}">{LAYOUT * 9}', headers=HTML),
    "a time": lambda _p, _n: answer(body=f'{{"ok":true,"at":{time.time()}}}', headers=JSON),
    "a counter": lambda _p, n: answer(body=f'{{"ok":true,"served":{n},"up":"{n} s"}}', headers=JSON),
    "its own path": lambda p, _n: answer(body=f'{{"status":"ok","path":"{p}"}}', headers=JSON),
    "its path in a long page": lambda p, _n: html(f'<a href="{p}">{LAYOUT * 9}'),
    "random words": lambda _p, _n: html(" ".join(secrets.token_hex(2) for _ in range(5))),
    "more or fewer lines": lambda _p, n: html("<li>" * (n % 3)),
}
APART: dict[str, Page] = {
    "another word": lambda p, n: answer(body=f'{{"status":"{"ok" if real(p) else "error"}","n":{n}}}', headers=JSON),
    "a soft 404": lambda p, _n: html("All systems work." if real(p) else "This page was not found."),
    "a soft 404 with a nonce": lambda p, _n: html(f"<b {secrets.token_hex(3)}>" + ("fine" if real(p) else "missing")),
    "a small number": lambda p, _n: answer(body=f'{{"code":{0 if real(p) else 404}}}', headers=JSON),
    "another type": lambda p, _n: answer(body="ok", headers=JSON if real(p) else HTML),
    "another status": lambda p, _n: answer("200 OK" if real(p) else "404 Not Found", "same"),
    "the end of a long page": lambda p, _n: html(LAYOUT * 9 + ("x" * 900 if real(p) else "")),
}


@pytest.mark.parametrize("name", SAME)
def test_a_page_for_every_path_is_seen_through(name: str) -> None:
    with serving(served(SAME[name])) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["proves_nothing"], reading.facts["ok"]) == (True, False)


@pytest.mark.parametrize("name", APART)
def test_a_route_of_its_own_is_believed(name: str) -> None:
    with serving(served(APART[name])) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["proves_nothing"], reading.facts["ok"]) == (False, True)


def test_a_text_that_only_the_health_route_has_tells_it_from_the_page() -> None:
    def page(path: str, _number: int) -> bytes:
        return html(LAYOUT * 9 + ("all is well" if real(path) else "who knows??"))

    with serving(served(page)) as server:
        assert ask("http", url=server.url + "/health").facts["proves_nothing"] is True
        assert ask("http", url=server.url + "/health", expect_text="all is well").facts["proves_nothing"] is False


def test_an_error_for_everybody_says_nothing_of_the_route() -> None:
    with serving(answer("503 Service Unavailable", "down")) as server:
        reading = ask("http", url=server.url + "/health")
    assert (reading.facts["proves_nothing"], reading.facts["ok"]) == (None, False)
    assert "nothing to prove" in str(reading.reason("proves_nothing"))
