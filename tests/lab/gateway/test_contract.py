"""The table of the contract, row by row, over real sockets; and who counts as the caller."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import psutil
import pytest

from opskit.logs.gateway import open_requests, parse
from tests.lab.gateway.running import KEY, Gateway, question
from tests.lab.gateway.scripted_ollama import ScriptedOllama
from tests.lab.part_process import eventually

LIMIT = {"rate_limit": {"enabled": True}}


def test_wrong_key_is_401(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    for key in ("wrong", KEY[:-1], KEY + "x", None):
        answer = gateway.ask(key=key)
        assert (answer.status_code, answer.text) == (401, '{"error":"invalid api key"}')
        assert answer.headers["content-type"] == "application/json"
    assert gateway.ask(key="another").status_code == 200
    assert len(ollama.asked) == 1


def test_the_31st_request_within_the_window_is_429(gateway: Gateway) -> None:
    gateway.start(**LIMIT)
    assert [gateway.ask().status_code for _ in range(30)] == [200] * 30
    for _ in range(2):
        last = gateway.ask()
        assert (last.status_code, last.text) == (429, '{"error":"rate limit exceeded"}')
        assert last.headers["retry-after"] == "60"


def test_the_window_slides(gateway: Gateway) -> None:
    gateway.start(rate_limit={"max_requests": 2, "window_seconds": 1})
    assert [gateway.ask().status_code for _ in range(3)] == [200, 200, 429]
    eventually(lambda: gateway.ask().status_code == 200)


def test_a_source_that_is_not_allowed_is_403(gateway: Gateway) -> None:
    gateway.start(whitelist={"ips": ["10.0.0.0/16"]})
    answer = gateway.ask(key="wrong")  # a stranger does not even learn whether a key is good
    assert (answer.status_code, answer.text) == (403, '{"error":"source address not allowed"}')


def test_prompt_of_100_000_characters_is_400(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    for content in ("x" * 100_000, "你" * 100_000, [{"type": "text", "text": "x" * 20_000}] * 5):
        answer = gateway.ask(content)
        assert (answer.status_code, answer.text) == (400, '{"error":"prompt too long, max 32768 chars"}')
    assert not ollama.asked
    assert gateway.ask("你" * 32_768).status_code == 200


def test_good_key_and_short_prompt_is_200(gateway: Gateway) -> None:
    gateway.start()
    answer = gateway.ask(headers={"X-Request-Id": "r-1"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "r-1")
    message = {"role": "assistant", "content": "Hello （你好）"}
    assert answer.json() == {
        "id": "chatcmpl-r-1",
        "model": "qwen3:32b",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_both_paths_chat(gateway: Gateway, path: str) -> None:
    assert gateway.start().ask(path=path).status_code == 200
    assert gateway.end()["path"] == path


def test_the_other_paths(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    health = gateway.client.get(f"{gateway.url}/health")
    assert (health.status_code, health.text) == (200, '{"status":"ok"}')
    for path in ("/", "/nope", "/v1/completions", "/health/", "/v1/chat/completions/"):
        nothing = gateway.client.post(gateway.url + path, json={}, headers={"X-Api-Key": KEY})
        assert (nothing.status_code, nothing.text) == (404, '{"error":"not found"}')
        assert len(nothing.headers["x-request-id"]) == 32
    assert gateway.client.get(f"{gateway.url}/v1/chat/completions").status_code == 405
    ollama.steps = (json.dumps({"models": [{"name": "qwen3:32b", "digest": "d", "size": 1}]}).encode(),)
    models = gateway.client.get(f"{gateway.url}/v1/models", headers={"X-Api-Key": KEY})
    assert models.json() == {"object": "list", "data": [{"id": "qwen3:32b", "object": "model", "owned_by": "library"}]}
    assert gateway.client.get(f"{gateway.url}/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "the body is not valid JSON"),
        (b"", "the body is not valid JSON"),
        (b"[" * 100_000, "bad request: Expected `object`, got `array`"),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', "the body is not valid JSON"),
        (b'{"model":1}', "bad request: Expected `str`, got `int` - at `$.model`"),
        (b'{"model":"m"}', "messages are required"),
        (b'{"messages":[{"role":"user"}]}', "model is required"),
    ],
)
def test_bad_requests_are_400(gateway: Gateway, body: bytes, error: str) -> None:
    gateway.start()
    answer = gateway.client.post(f"{gateway.url}/v1/chat/completions", content=body, headers={"X-Api-Key": KEY})
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert gateway.end()["status"] == 400


@pytest.mark.parametrize(("key", "status"), [(KEY, 413), ("wrong", 401)])
def test_a_body_of_100_mb_is_not_read_into_memory(gateway: Gateway, key: str, status: int) -> None:
    gateway.start()
    process = psutil.Process(gateway.part.child.pid)
    before = process.memory_info().rss
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    pieces = (b"x" * 1_000_000 for _ in range(100))
    headers = {"X-Api-Key": key, "Content-Length": "100000000"}
    connection.request("POST", "/v1/chat/completions", pieces, headers)
    assert connection.getresponse().status == status
    connection.close()
    assert process.memory_info().rss - before < 40_000_000
    assert gateway.ask().status_code == 200


def forwarded(gateway: Gateway, *values: str) -> int:
    """Ask with X-Forwarded-For headers."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    body = json.dumps(question("hi")).encode()
    connection.putrequest("POST", "/v1/chat/completions")
    for name, value in [
        ("X-Api-Key", KEY),
        ("Content-Length", str(len(body))),
        *(("X-Forwarded-For", v) for v in values),
    ]:
        connection.putheader(name, value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def test_forwarded_for_counts_only_from_trusted_proxies(gateway: Gateway) -> None:
    gateway.start()
    assert forwarded(gateway, "203.0.113.9") == 200
    assert gateway.end()["client_ip"] == "127.0.0.1"
    gateway.reload(trusted_proxies=["127.0.0.1", "192.168.7.0/24"])
    assert forwarded(gateway, "203.0.113.9") == 403
    assert forwarded(gateway, "10.0.9.9, 203.0.113.9", "192.168.7.4") == 403
    assert forwarded(gateway, "203.0.113.9, 10.0.9.9", "192.168.7.4") == 200
    assert [gateway.end(number)["client_ip"] for number in (2, 3, 4)] == ["203.0.113.9", "203.0.113.9", "10.0.9.9"]


def test_each_client_has_a_window_of_its_own(gateway: Gateway) -> None:
    gateway.start(rate_limit={"max_requests": 1}, trusted_proxies=["127.0.0.1"])
    assert [forwarded(gateway, each) for each in ("10.0.0.1", "10.0.0.2", "10.0.0.1")] == [200, 200, 429]


def test_a_bare_port_listens_on_all_interfaces(gateway: Gateway) -> None:
    gateway.start(listen=f":{gateway.port}")
    assert gateway.ask().status_code == 200
    assert gateway.end()["client_ip"] == "127.0.0.1"
    listening = [each for each in psutil.Process(gateway.part.child.pid).net_connections() if each.status == "LISTEN"]
    assert {each.laddr.ip for each in listening} <= {"::", "0.0.0.0"}
    assert not socket.has_dualstack_ipv6() or listening[0].family == socket.AF_INET6


def test_opskit_reads_the_log(gateway: Gateway) -> None:
    gateway.start(**LIMIT)
    headers = {"X-User-Id": "bob", "X-Request-Id": "r-7"}
    gateway.ask("a secret question", headers=headers)
    gateway.ask(key="wrong", headers={"X-Request-Id": "no good id!"})
    gateway.end(2)
    text = gateway.part.log.read_bytes()
    requests = [found for line in text.split(b"\n") if (found := parse(line))]
    start, end, _, refused = requests
    assert (start.event, start.request_id, start.user, start.model) == ("start", "r-7", "bob", "qwen3:32b")
    assert (end.event, end.status, end.client, end.path) == ("end", 200, "127.0.0.1", "/v1/chat/completions")
    assert (end.prompt_tokens, end.completion_tokens, end.error) == (9, 3, None)
    assert end.duration_s is not None
    assert end.first_byte_s is not None
    assert (refused.status, refused.error, refused.model) == (401, "invalid api key", None)
    assert refused.request_id != "no good id!"
    assert not open_requests(requests)
    assert gateway.events("request.start")[0]["prompt_length"] == 17
    for secret in (KEY.encode(), b"secret", b"Hello", b"wrong"):
        assert secret not in text


def test_the_fields_of_both_lines(gateway: Gateway) -> None:
    gateway.start().ask()
    who = ["time", "event", "request_id", "client_ip", "user_id", "path", "model", "prompt_length"]
    how = ["status", "response_time_ms", "first_token_ms", "prompt_tokens", "completion_tokens", "error"]
    end: dict[str, Any] = gateway.end()
    assert list(gateway.events("request.start")[0]) == who
    assert list(end) == who + how
