"""A client that leaves: Ollama must be told at once, whatever the gateway was doing."""

from __future__ import annotations

import time

import pytest

from tests.lab.gateway.running import Gateway
from tests.lab.gateway.scripted_ollama import ScriptedOllama, Step, item
from tests.lab.part_process import eventually


@pytest.mark.parametrize(
    "steps",
    [(60.0,), (item("a"), 60.0), tuple(each for number in range(500) for each in (item(f"{number}"), 0.05))],
    ids=["before the first byte", "between two tokens", "while it flows"],
)
@pytest.mark.parametrize("stream", [True, False])
def test_ollama_is_aborted_at_once(
    gateway: Gateway, ollama: ScriptedOllama, steps: tuple[Step, ...], stream: bool
) -> None:
    gateway.start(first_byte_timeout_seconds=30)
    ollama.steps = steps
    left = time.monotonic() + 0.5
    gateway.leave_after(0.5, stream=stream)
    eventually(lambda: ollama.hung_up == 1)
    assert time.monotonic() - left < 5
    end = gateway.end()
    assert (end["status"], end["error"]) == (499, "client closed the connection")
    assert ollama.finished == 0


def test_the_other_defect_goes_on_for_nobody(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["keep_generating"])
    ollama.steps = (item("a"), 1.5, item("b"), 0.5, item("c", done=True))
    gateway.leave_after(0.3)
    assert gateway.end()["status"] == 499
    eventually(lambda: ollama.finished == 1)
    assert ollama.hung_up == 0
    assert len(gateway.events("request.end")) == 1


def test_a_client_that_leaves_while_it_still_sends(gateway: Gateway) -> None:
    gateway.start()
    gateway.leave_after(0.1, cut=True)
    assert gateway.end()["status"] == 499


def test_hanging_up_at_done_is_not_leaving(gateway: Gateway) -> None:
    gateway.start()
    for _ in range(20):
        with gateway.stream() as answer:
            for line in answer.iter_lines():
                if line == "data: [DONE]":
                    break
    assert {gateway.end(number)["status"] for number in range(1, 21)} == {200}
