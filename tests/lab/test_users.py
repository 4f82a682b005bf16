"""What users notice, against a server that does exactly what it is told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from opskit.lab.nginx import site
from opskit.lab.nginx.certificates import issue_valid
from opskit.lab.plan import API_KEY, MODEL, Plan
from opskit.lab.ports import free_ports
from opskit.lab.users import Crowd, Noticed, ask, knock, look

Script = Callable[["Scripted"], None]


class Scripted(BaseHTTPRequestHandler):
    """Answers as the test's script says."""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(self)
        self.server.script(self)

    do_GET = do_POST  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Status, headers, and the beginning of the body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.say(body)

    def say(self, body: bytes) -> None:
        self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """With TLS, and silent about clients that leave."""

    daemon_threads = True
    seen: list[Scripted]
    script: Script

    def handle_error(self, request: object, client_address: object) -> None:
        pass


def word(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    """A plan, and the server at the port where the plan has Nginx."""
    folder = tmp_path_factory.mktemp("served")
    plan = Plan(str(folder), free_ports(), "recommended")
    made = issue_valid(folder / "letsencrypt", site.SERVER_NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.fullchain, made.directory / "privkey.pem")
    server = Server(("127.0.0.1", plan.ports.https), Scripted)
    server.seen = []
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield plan, server
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(served):
    """`asked(script)`: what a user notices of it."""
    plan, server = served
    server.seen.clear()

    def noticed(script: Script, patience: float = 10.0, **more: object) -> Noticed:
        server.script = script
        return ask(more.pop("plan", plan), 7, patience=patience, **more)

    noticed.plan, noticed.seen = plan, server.seen
    return noticed


def told(*parts: bytes | float) -> Script:
    """A script of 200 and these texts, with pauses between them."""

    def script(request: Scripted) -> None:
        request.answer(200)
        for part in parts:
            time.sleep(part) if isinstance(part, float) else request.say(part)

    return script


def test_an_answer_that_flows_and_ends_is_fine(asked):
    seen = asked(told(word("Hel"), 0.1, word("lo"), 0.1, DONE))
    assert (seen.outcome, seen.status, seen.text, seen.user) == ("fine", 200, "Hello", "user007")
    assert seen.first_s < seen.total_s


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429])
def test_what_is_refused(asked, status):
    seen = asked(lambda request: request.answer(status, b'{"error":"no"}'))
    assert (seen.outcome, seen.status) == ("refused", status)


@pytest.mark.parametrize("status", [301, 500, 502, 503, 504])
def test_what_fails(asked, status):
    seen = asked(lambda request: request.answer(status))
    assert (seen.outcome, seen.status) == ("error", status)


def test_a_connection_that_is_closed_before_any_answer_is_an_error(asked):
    seen = asked(lambda request: request.connection.close())
    assert seen.outcome == "error"
    assert seen.reason


def test_nobody_listening_is_an_error(asked):
    plan = msgspec.structs.replace(asked.plan, ports=free_ports())
    seen = asked(told(DONE), plan=plan)
    assert seen.outcome == "error"
    assert "refused" in seen.reason


def test_a_certificate_of_somebody_else_is_an_error(asked, tmp_path):
    issue_valid(tmp_path / "letsencrypt", site.SERVER_NAME)
    seen = asked(told(DONE), plan=msgspec.structs.replace(asked.plan, directory=str(tmp_path)))
    assert seen.outcome == "error"
    assert "CERTIFICATE_VERIFY_FAILED" in seen.reason
    assert asked.seen == []


def test_no_word_within_the_users_patience_is_a_wait(asked):
    before = time.monotonic()
    seen = asked(lambda _request: time.sleep(4), patience=0.5)
    assert seen.outcome == "wait"
    assert "0.5 s" in seen.reason
    assert time.monotonic() - before < 4


def test_drops_of_nothing_do_not_buy_patience(asked):
    drops = [b": still here\n\n", 0.2] * 20
    assert asked(told(*drops), patience=0.6).outcome == "wait"


def test_a_silent_port_is_a_wait(asked):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = msgspec.structs.replace(asked.plan.ports, https=silent.getsockname()[1])
        seen = asked(told(DONE), plan=msgspec.structs.replace(asked.plan, ports=ports), patience=0.4)
        assert seen.outcome == "wait"


def test_an_answer_without_its_end_is_cut(asked):
    assert asked(told(word("Hel"))).outcome == "cut"
    chunk = word("Hel")
    broken = b"%x\r\n%b\r\n40\r\nhalf a ch" % (len(chunk), chunk)

    def breaks(request: Scripted) -> None:
        request.protocol_version = "HTTP/1.1"
        request.answer(200, broken, Transfer_Encoding="chunked")
        request.close_connection = True

    seen = asked(breaks)
    assert (seen.outcome, seen.text) == ("cut", "Hel")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_answer_without_words_is_empty(asked, text):
    assert asked(told(word(text), 0.1, DONE)).outcome == "empty"
    assert asked(told(DONE)).outcome == "empty"


def test_thoughts_are_no_answer(asked):
    thought = b'data: {"choices":[{"delta":{"reasoning_content":"hm","content":null}}]}\n\n'
    assert asked(told(thought, DONE)).outcome == "empty"


def test_a_whole_answer_at_once_is_a_burst_but_not_where_the_site_always_buffers(asked):
    script = told(0.8, word("Hello"), DONE)
    assert asked(script).outcome == "burst"
    reference = msgspec.structs.replace(asked.plan, profile="reference")
    assert asked(script, plan=reference).outcome == "fine"
    changed = msgspec.structs.replace(reference, changes={"nginx": {"profile": "recommended"}})
    assert asked(script, plan=changed).outcome == "burst"


def test_a_late_first_word_is_slow(asked):
    assert asked(told(3.2, word("Hel"), 0.9, word("lo"), DONE)).outcome == "slow"


@pytest.mark.parametrize("line", [b"data: {broken\n", b"data: [1]\n", b"event: ping\n", b"data: \xff\n", b"\n"])
def test_lines_that_are_no_words_are_passed_over(asked, line):
    assert asked(told(line, word("Hello"), 0.1, DONE)).outcome == "fine"


def test_an_error_in_the_middle_of_a_stream_is_no_word(asked):
    assert asked(told(b'data: {"error":{"message":"failed"}}\n\n', DONE)).outcome == "empty"


def test_who_leaves_has_closed_the_page(asked):
    gone = threading.Event()

    def talks(request: Scripted) -> None:
        request.answer(200)
        try:
            while not gone.wait(0.05):
                request.say(word("and "))
        except OSError:
            gone.set()

    seen = asked(talks, leave_after=0.4)
    assert seen.outcome == "wait"
    assert seen.text.startswith("and ")
    assert gone.wait(10)


def test_who_asks_how(asked):
    asked(told(DONE))
    chat = asked.seen[-1]
    assert (chat.command, chat.path, chat.headers["X-User-Id"]) == ("POST", "/api/chat", "user007")
    assert chat.client_address[0] == "127.1.0.8"
    assert json.loads(chat.body)["message"]
    assert "X-Api-Key" not in chat.headers
    asked(told(DONE), asks="long")
    assert len(json.loads(asked.seen[-1].body)["message"]) > 8000
    asked(told(DONE), asks="api")
    api = asked.seen[-1]
    assert (api.path, api.headers["X-Api-Key"]) == ("/v1/chat/completions", API_KEY)
    assert json.loads(api.body)["model"] == MODEL
    assert json.loads(api.body)["stream"] is True


def test_a_stranger_has_no_key(asked):
    plan = asked.plan
    asked(lambda request: request.answer(401))
    assert knock(plan, 3) == 401
    assert "X-Api-Key" not in asked.seen[-1].headers
    assert asked.seen[-1].client_address[0].startswith("127.1.36.")
    assert knock(msgspec.structs.replace(plan, ports=free_ports()), 3) == 0


@pytest.mark.parametrize(
    ("status", "page", "outcome"),
    [
        (200, "<title>Clawdbot</title>", "fine"),
        (200, "<title>Welcome to nginx!</title>", "foreign"),
        (404, "not found", "foreign"),
        (502, "Clawdbot", "error"),
    ],
)
def test_whose_page_it_is(served, status, page, outcome):
    plan, server = served
    server.script = lambda request: request.answer(status, page.encode())
    assert look(plan).outcome == outcome
    assert look(msgspec.structs.replace(plan, ports=free_ports())).outcome == "error"


def test_a_crowd_asks_until_its_block_ends_each_time_as_somebody_else(served):
    plan, server = served
    server.seen.clear()
    server.script = told(word("Hello"), 0.05, DONE)
    with Crowd(plan, 4, patience=5.0, seed=3) as crowd:
        crowd.wait(10, 20)
    asked = len(crowd.noticed)
    assert asked >= 10
    assert crowd.tally == {"fine": asked}
    assert len({seen.user for seen in crowd.noticed}) == asked
    time.sleep(0.3)
    assert len(crowd.noticed) == asked == len(server.seen)


def test_waiting_for_a_crowd_has_an_end(served):
    plan, server = served
    server.script = lambda _request: time.sleep(1)
    before = time.monotonic()
    with Crowd(plan, 1, patience=0.6) as crowd:
        crowd.wait(1000, 0.5)
    assert time.monotonic() - before < 15
    assert set(crowd.tally) <= {"wait"}
