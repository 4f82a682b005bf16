"""Small rules: durations, host names, options, places for layers."""

from __future__ import annotations

import math

import pytest

from opskit.lab.ollama.access import host_allowed
from opskit.lab.ollama.asks import chat, generate, keep_alive, openai
from opskit.lab.ollama.card import Card
from opskit.lab.ollama.journal import gibibytes, go_duration, quoted
from opskit.lab.ollama.placement import LAYERS, place
from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.settings import Model, Settings
from opskit.lab.ollama.wish import wish

SETTINGS = Settings(log="ollama.log")
MODEL = Model("qwen3:32b")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.000016724, "16.724µs"), (0.042044125, "42.044125ms"), (1.5, "1.5s"), (60, "1m0s"),
        (70.9, "1m10s"), (308, "5m8s"), (600, "10m0s"), (5079, "1h24m39s"), (4e-9, "4ns"),
    ],
)  # fmt: skip
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(300, 300), (0, 0), (-1, math.inf), ("5m", 300), ("1h30m", 5400), ("-1s", math.inf), ("0", 0), (1.5, 1.5),
     ("250ms", 0.25), (None, None)],
)  # fmt: skip
def test_keep_alive_is_read_as_go_does(value: float | str | None, seconds: float | None) -> None:
    assert keep_alive(value) == seconds


@pytest.mark.parametrize(
    ("value", "error"),
    [("5", 'time: missing unit in duration "5"'), ("soon", 'time: invalid duration "soon"'), ("", "time: invalid")],
)
def test_keep_alive_that_is_none(value: str, error: str) -> None:
    with pytest.raises(RefusedError, match=error):
        keep_alive(value)


def test_values_are_quoted_where_they_need_it() -> None:
    assert [quoted(text) for text in ("plain", "", "two words", 'a"b', "k=v", "字")] == [
        "plain", '""', '"two words"', '"a\\"b"', '"k=v"', '"字"',
    ]  # fmt: skip
    assert (gibibytes(24_146_608_128), gibibytes(0)) == ("22.5 GiB", "0 B")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("", True), ("localhost:11434", True), ("LOCALHOST", True), ("a.localhost", True), ("ollama.local", True),
        ("x.internal:1", True), ("127.0.0.1:11434", True), ("[::1]:11434", True), ("192.168.1.4", True),
        ("chat.example.com", False), ("8.8.8.8", False), ("localhost.example.com", False),
    ],
)  # fmt: skip
def test_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host) is allowed


def test_bodies_of_three_routes_ask_the_same() -> None:
    native = chat(b'{"model":"m","messages":[{"role":"user","content":"hi"}],"options":{"num_predict":3}}')
    plain = generate(b'{"model":"m","prompt":"hi","options":{"num_predict":3}}')
    other = openai(b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":3}')
    assert native.messages == plain.messages == other.messages == [{"role": "user", "content": "hi"}]
    assert native.options == plain.options == other.options == {"num_predict": 3}
    assert (native.stream, plain.stream, other.stream) == (True, True, False)
    assert generate(b'{"model":"m"}').loads_only


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"model":1}', b'{"model":"m","messages":"x"}', b"\xff", b"{} {}"])
def test_bodies_of_the_wrong_form_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        chat(body)
    assert refused.value.status == 400


def test_only_runner_options_make_a_difference() -> None:
    plain = wish(MODEL, {}, None, SETTINGS)
    assert wish(MODEL, {"temperature": 0, "num_ctx": 4096.0, "num_gpu": -7}, 5, SETTINGS).runner_options == (
        plain.runner_options
    )
    assert wish(MODEL, {"num_ctx": 8192}, None, SETTINGS).runner_options != plain.runner_options
    assert wish(MODEL, {"num_ctx": 1}, None, SETTINGS).context == 4
    with pytest.raises(RefusedError, match="num_thread"):
        wish(MODEL, {"num_thread": True}, None, SETTINGS)


@pytest.mark.parametrize(
    ("free_share", "layers", "fits"), [(1.1, LAYERS, True), (0.5, 32, True), (0.09, 0, False), (0, 0, False)]
)
def test_layers_go_where_there_is_room(free_share: float, layers: int, fits: bool) -> None:
    size = place(MODEL, 4096, -1, SETTINGS, None, 0).size
    card = Card(present=True, total=120_000_000 + int(size * free_share) + 10)
    placement = place(MODEL, 4096, -1, SETTINGS, card, 0)
    assert (placement.layers, placement.fits) == (layers, fits)
    assert placement.size_vram <= size
    assert (placement.slowdown > 1) == (layers < LAYERS)


def test_our_own_runners_take_room_too() -> None:
    card = Card(present=True, total=24_146_608_128)
    assert place(MODEL, 4096, -1, SETTINGS, card, 0).layers == LAYERS
    assert place(MODEL, 4096, -1, SETTINGS, card, 10**10).layers < LAYERS
