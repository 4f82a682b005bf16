"""The circuit breaker: its states alone, then between a real gateway and an Ollama that is silent."""

from __future__ import annotations

import time

from opskit.lab.gateway.breaker import Breaker, State, Ticket
from opskit.lab.gateway.config import BreakerSettings
from tests.lab.gateway.running import Gateway
from tests.lab.gateway.scripted_ollama import HELLO, ScriptedOllama, item
from tests.lab.part_process import eventually

BUSY = '{"error":"the model is not responding, please try again later"}'
OPEN = '{"error":"the model is temporarily unavailable, please try again later"}'


def breaker() -> tuple[Breaker, list[State]]:
    changes: list[State] = []
    return Breaker(BreakerSettings(failures=2, open_seconds=10), changes.append), changes


def admitted(found: Breaker, now: float) -> Ticket:
    ticket = found.admit(now)
    assert ticket is not None
    return ticket


def fail(found: Breaker, now: float) -> None:
    found.failure(admitted(found, now), now)


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    found, changes = breaker()
    fail(found, 0)
    found.success(admitted(found, 1))
    fail(found, 2)
    assert not changes
    fail(found, 3)
    assert changes == ["open"]
    assert found.admit(12.9) is None
    assert (found.retry_after(3.0), found.retry_after(12.9)) == (10, 1)


def test_one_trial_decides() -> None:
    found, changes = breaker()
    fail(found, 0)
    fail(found, 0)
    trial = admitted(found, 10)
    assert found.admit(10) is None
    found.failure(trial, 11)
    assert found.admit(20.9) is None
    trial = admitted(found, 21)
    found.success(trial)
    assert found.admit(21) is not None
    assert changes == ["open", "half_open", "open", "half_open", "closed"]


def test_a_trial_whose_client_left_leaves_room_for_the_next() -> None:
    found, changes = breaker()
    fail(found, 0)
    fail(found, 0)
    found.release(admitted(found, 10))
    found.success(admitted(found, 10))
    assert changes == ["open", "half_open", "closed"]


def test_answers_from_before_it_opened_change_nothing() -> None:
    found, changes = breaker()
    slow, slower = admitted(found, 0), admitted(found, 0)
    fail(found, 0)
    fail(found, 0)
    found.success(slow)
    found.failure(slower, 5)
    assert changes == ["open"]
    assert admitted(found, 10)


def test_each_ticket_counts_once() -> None:
    found, changes = breaker()
    ticket = admitted(found, 0)
    found.success(ticket)
    found.failure(ticket, 0)
    fail(found, 0)
    assert not changes


def test_stuck_it_never_tries_again() -> None:
    found, _ = breaker()
    found.stuck = True
    fail(found, 0)
    fail(found, 0)
    assert found.admit(1e9) is None


def test_no_first_byte_is_a_friendly_503_within_seconds(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.steps = (60.0,)
    began = time.monotonic()
    answer = gateway.ask()
    assert (answer.status_code, answer.text) == (503, BUSY)
    assert 2.9 < time.monotonic() - began < 10
    assert gateway.end()["error"] == "ollama: no first byte within 3 s"
    eventually(lambda: ollama.hung_up == 1)


def test_a_head_alone_is_no_answer(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(first_byte_timeout_seconds=0.3)
    ollama.steps = (b"", 60.0)
    with gateway.stream() as answer:
        assert (answer.status_code, answer.read().decode()) == (503, BUSY)


def test_open_half_open_closed(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(first_byte_timeout_seconds=0.2, breaker={"failures": 2, "open_seconds": 1})
    ollama.steps = (60.0,)
    assert [gateway.ask().text for _ in range(2)] == [BUSY, BUSY]
    refused = gateway.ask()
    assert (refused.status_code, refused.text, refused.headers["retry-after"]) == (503, OPEN, "1")
    assert len(ollama.asked) == 2
    ollama.steps = HELLO
    eventually(lambda: gateway.ask().status_code == 200)
    assert len(ollama.asked) == 3
    states = [line["event"] for line in gateway.part.lines() if line["event"].startswith("breaker.")]
    assert states == ["breaker.open", "breaker.half_open", "breaker.closed"]
    assert gateway.end(3)["error"] == "circuit breaker open"


def test_nobody_listening_counts_too_and_an_unknown_model_does_not(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(breaker={"failures": 2, "open_seconds": 60})
    ollama.status, ollama.steps = 404, (b'{"error":"model \'qwen3:32b\' not found"}',)
    assert [gateway.ask().status_code for _ in range(3)] == [404] * 3
    gateway.reload(ollama_api="http://127.0.0.1:1")
    assert [gateway.ask().text for _ in range(3)] == [BUSY, BUSY, OPEN]
    assert "ollama: " in gateway.end(4)["error"]


def test_a_trial_that_the_client_gives_up_does_not_block_the_next(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(first_byte_timeout_seconds=1, breaker={"failures": 1, "open_seconds": 0.2})
    ollama.steps = (60.0,)
    gateway.ask()
    time.sleep(0.3)
    ollama.steps = (0.6, item("late"), *HELLO)
    gateway.leave_after(0.2)
    assert gateway.end(2)["status"] == 499
    assert gateway.ask().status_code == 200
