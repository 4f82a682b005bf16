"""The log texts: their forms, and the words that tell the faults and the generations apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from opskit.lab import kernel as kernel_texts
from tests.stand_ins import ollama_texts

NOW = datetime(2026, 3, 5, 14, 0, 1, 250_000, tzinfo=timezone(timedelta(hours=8)))

# function, words of generation 0.30, words of generation 0.12
WORDS: list[tuple[Callable[[datetime, str], str], str, str]] = [
    (
        ollama_texts.out_of_memory_at_load,
        "llama-server reported out-of-memory during startup",
        "llama runner process has terminated: cudaMalloc failed: out of memory",
    ),
    (
        ollama_texts.runner_killed,
        "llama-server process has terminated: signal: killed",
        "llama runner process has terminated: signal: killed",
    ),
    (
        ollama_texts.load_timeout,
        "timed out waiting for llama-server to start",
        "timed out waiting for llama runner to start",
    ),
    (
        ollama_texts.cuda_error,
        "llama-server process has terminated: CUDA error: an illegal",
        "llama runner process has terminated: CUDA error: an illegal",
    ),
    (
        ollama_texts.cpu_fallback,
        "failure during llama-server GPU discovery",
        "no compatible GPUs were discovered",
    ),
]


@pytest.mark.parametrize(("text", "new", "old"), WORDS)
def test_each_generation_has_its_words(text: Callable[[datetime, str], str], new: str, old: str) -> None:
    recent, former = text(NOW, "0.30"), text(NOW, "0.12")
    assert new in recent
    assert old not in recent
    assert old in former
    assert new not in former


@pytest.mark.parametrize("text", [each for each, _, _ in WORDS])
def test_times_carry_the_given_zone_and_do_not_run_backwards(text: Callable[[datetime, str], str]) -> None:
    times = [datetime.fromisoformat(stamp) for stamp in re.findall(r"^time=(\S+)", text(NOW, "0.30"), re.MULTILINE)]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta(hours=8)}


def test_a_cuda_error_has_its_place_and_call_on_their_own_lines() -> None:
    first, device, call, place, *_ = ollama_texts.cuda_error(NOW).splitlines()
    assert first.startswith("CUDA error: ")
    assert device.startswith("  current device: 0, in function ")
    assert call.startswith("  cuda")
    assert place.endswith(": CUDA error")


def test_a_panic_buries_its_reason_under_more_than_60_lines() -> None:
    lines = ollama_texts.go_panic(NOW).splitlines()
    reason = next(number for number, line in enumerate(lines) if line.startswith("panic: "))
    assert len(lines) - reason > 60
    assert sum(line.startswith("goroutine ") for line in lines) == 14


def test_the_journals_form_has_its_own_time_on_every_line() -> None:
    text = ollama_texts.journal(ollama_texts.cuda_error(NOW), NOW)
    assert all(line.startswith("2026-03-05T14:00:01+0800 chat1 ollama[1187]: ") for line in text.splitlines())


def test_kernel_messages_in_both_forms() -> None:
    short = kernel_texts.short_iso(NOW, kernel_texts.xid_79())
    assert short.splitlines()[1] == (
        "2026-03-05T14:00:01+0800 chat1 kernel: NVRM: Xid (PCI:0000:17:00): 79, "
        "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    )
    entries = [json.loads(line) for line in kernel_texts.as_json(NOW, kernel_texts.oom_kill()).splitlines()]
    assert "Killed process 2417 (llama-server)" in entries[4]["MESSAGE"]
    assert int(entries[0]["__REALTIME_TIMESTAMP"]) == NOW.timestamp() * 1e6
    assert all(isinstance(value, str) for entry in entries for value in entry.values())
    assert "): 13, pid=2417, name=llama-server, " in kernel_texts.xid_13()[0]
