"""Ollama's log: failures that still stand, in the words of both generations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opskit.lab.ollama.journal import gin, slog
from opskit.lab.ollama.settings import Generation
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from tests.probes import ollama_texts as texts
from tests.probes.asking import NOW, ask, replay
from tests.probes.lines import moment

PATH = "/var/log/ollama.log"


def answer(ago_s: float, seconds: float = 0.5, status: int = 200, path: str = "/api/chat") -> str:
    return gin(moment(ago_s), status, seconds, "POST", path)


def facts(*parts: str, now: datetime = NOW, source: str = PATH) -> set[str]:
    """The failures that are found."""
    reading = replay("ollama_log", "\n".join(parts).encode() + b"\n", now, source=source)
    return {name for name, fact in reading.facts.items() if fact is True}


@pytest.mark.parametrize("generation", ["0.30", "0.12"])
def test_each_failure_has_its_name_in_both_generations(generation: Generation) -> None:
    at = moment(60)
    assert "vram_oom" in facts(texts.out_of_memory_at_load(at, generation))
    assert "ram_oom" in facts(texts.runner_killed(at, generation))
    assert "load_timeout" in facts(texts.load_timeout(moment(400), generation))
    assert "gpu_fault" in facts(texts.cuda_error(at, generation))
    assert "cpu_fallback" in facts(texts.cpu_fallback(at, generation))
    assert "panic" in facts(texts.go_panic(at))
    assert facts(texts.server_start(at, 11434, generation), texts.model_load(at, generation, 4), answer(50)) == set()


def test_a_failure_with_good_answers_after_it_accuses_nobody() -> None:
    failed = texts.out_of_memory_at_load(moment(300))
    assert facts(failed, answer(250)) == set()
    assert "vram_oom" in facts(failed, answer(250, status=500))
    assert "vram_oom" in facts(failed, answer(250, path="/api/tags"), answer(240, path="/api/ps"))
    assert "vram_oom" in facts(answer(350), failed)


def test_an_answer_that_the_runners_death_cut_short_is_not_a_good_one() -> None:
    """The status left with the first token: Ollama logs 200 for the request that died with its runner."""
    died = texts.cuda_error(moment(60)).rpartition("\n")[0]
    assert "gpu_fault" in facts(died, answer(59, seconds=12))
    assert facts(died, answer(59, seconds=12), answer(30)) == set()
    assert facts(died, answer(30, seconds=5)) == set()
    # Gin's times carry no zone. Where they are hours off, the order of the lines alone decides.
    assert facts(died, gin(moment(59).astimezone(UTC), 200, 12, "POST", "/api/chat")) == set()


def test_an_old_failure_is_history() -> None:
    assert facts(texts.out_of_memory_at_load(moment(20 * 3600)), texts.go_panic(moment(19 * 3600))) == set()


def test_a_failure_from_the_future_is_not_recent() -> None:
    assert facts(texts.out_of_memory_at_load(moment(-7200))) == set()
    assert "vram_oom" in facts(texts.out_of_memory_at_load(moment(-5)))


def test_a_failure_without_a_time_is_neither_recent_nor_old() -> None:
    with pytest.raises(ProbeError, match="a failure line has no time, it may be old: 'panic: "):
        facts("panic: runtime error: invalid memory address or nil pointer dereference")
    assert "panic" in facts("Nov 24 02:59:00 chat1 ollama[77]: panic: runtime error: index out of range")


TRIAL = (
    "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 17824.44 MiB on device 0: cudaMalloc failed: out of memory"
    "\nalloc_tensor_range: failed to allocate CUDA0 buffer of size 18690256896"
)


def test_a_trial_allocation_counts_once_the_load_or_a_request_has_failed() -> None:
    begin = slog(moment(60), "INFO", "server.go:402", "loading model")
    assert facts(begin, TRIAL) == set()
    assert facts(begin, TRIAL, TRIAL, texts.model_load(moment(50), "0.12", 3), answer(45)) == set()
    assert "vram_oom" in facts(begin, TRIAL, answer(50, status=500))
    assert "vram_oom" in facts(begin, TRIAL, texts.runner_killed(moment(40)))


def test_what_follows_is_told_by_order_and_not_by_line_numbers() -> None:
    """A rotated member has higher line numbers than the log that goes on after it."""
    begin = slog(moment(60), "INFO", "server.go:402", "loading model")
    before = Raw("ollama.log.1", f"{begin}\n{TRIAL}\n".encode(), "/var/log/ollama.log.1", 5000)
    after = Raw("ollama.log", answer(50, status=500).encode() + b"\n", PATH, 1)
    reading = replay("ollama_log", (before, after), source=PATH)
    assert reading.facts["vram_oom"] is True
    proof = reading.evidence["vram_oom"][0]
    assert (proof.source, proof.line) == ("/var/log/ollama.log.1", 5001)


def test_a_journal_is_read_entry_by_entry() -> None:
    def entry(text: object, ago_s: float) -> str:
        return json.dumps({"__REALTIME_TIMESTAMP": str(int(moment(ago_s).timestamp() * 1e6)), "MESSAGE": text})

    bare = "panic: runtime error: index out of range"
    assert "panic" in facts(entry(bare, 60), source="unit:ollama")
    assert "panic" in facts(entry(list((bare + "\x1b[0m").encode()), 60), source="unit:ollama")
    assert facts(entry(bare, 7000), source="unit:ollama") == set()
    assert facts(entry(None, 60), entry([300, -1], 60), entry(["x"], 60), source="unit:ollama") == set()


def test_an_empty_file_says_nothing_and_an_empty_journal_that_nothing_happened() -> None:
    with pytest.raises(ProbeError, match=r"ollama\.log is empty"):
        facts("")
    assert facts("", source="unit:ollama") == set()


def test_the_age_of_the_last_good_answer_is_known() -> None:
    reading = replay("ollama_log", (answer(90) + "\n" + answer(30, status=500)).encode(), source=PATH)
    assert reading.facts["last_ok_age_s"] == 90
    nothing = replay("ollama_log", texts.server_start(moment(5), 1).encode(), source=PATH)
    assert (nothing.facts["last_ok_age_s"], bool(nothing.reason("last_ok_age_s"))) == (None, True)


def test_proofs_stand_where_they_say_and_keep_prompts_to_themselves(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    path = tmp_path / "ollama.log"
    prompt = slog(
        now, "ERROR", "server.go:1", "panic: in prompt", prompt="my secret plan", api_key="sk-abcdefgh12345678"
    )
    path.write_text("\n".join(["filling"] * 9000 + [texts.go_panic(now), prompt]) + "\n")
    reading = ask("ollama_log", source=str(path))
    proof = reading.evidence["panic"][0]
    assert path.read_text().split("\n")[(proof.line or 0) - 1] == proof.text
    shown = str([proof.text for proofs in reading.evidence.values() for proof in proofs])
    assert "secret plan" not in shown
    assert "sk-abc" not in shown


def test_a_log_full_of_failures_is_read_in_one_pass() -> None:
    """Twenty thousand failed allocations: comparing each with all that follow would not come to an end."""
    log = slog(moment(60), "INFO", "server.go:402", "loading model") + "\n" + (TRIAL + "\n") * 10_000
    assert facts(log) == set()
    assert "vram_oom" in facts(log, answer(20, status=500))


def test_an_access_line_with_status_500_is_no_crash_of_the_runner():
    line = '[GIN] 2026/11/24 - 02:59:00 | 500 |      77.095µs |       127.0.0.1 | POST     "/api/chat"'
    assert "crash" not in facts(line)
    for long in ("5m2s", "45m0s"):
        assert facts(line.replace("77.095µs", long)).isdisjoint({"crash", "stuck", "load_timeout"})


def counts(*parts: str, source: str = PATH) -> dict[str, float | None]:
    reading = replay("ollama_log", "\n".join(parts).encode() + b"\n", source=source)
    return {sample.metric: sample.value for sample in reading.samples if sample.value}


@pytest.mark.parametrize("generation", ["0.30", "0.12"])
def test_a_death_counts_once_however_long_its_dump_is_and_also_where_answers_followed(generation: Generation) -> None:
    died = texts.cuda_error(moment(600), generation)
    assert counts(died)["crashes"] == counts(texts.go_panic(moment(600)))["crashes"] == 1
    assert counts(died)["standing_failures"] >= 1
    assert counts(died, answer(500)) == {"crashes": 1}
    again = [texts.cuda_error(moment(600 - 100 * number), generation) for number in range(3)]
    assert counts(*again, answer(60)) == {"crashes": 3}


def test_an_old_death_and_a_layout_that_is_tried_are_none() -> None:
    assert counts(texts.cuda_error(moment(3600)), answer(60)) == {}
    trial = "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9000.00 MiB on device 0: cudaMalloc failed: "
    trial += "out of memory"
    started = texts.model_load(moment(60), "0.12", 4)
    assert counts(slog(moment(70), "INFO", "server.go:1", "loading"), trial, started, answer(50)) == {}


def test_refusals_are_counted_by_request() -> None:
    busy = [gin(moment(100 - number), 503, 0.001, "POST", "/api/chat") for number in range(4)]
    assert counts(*busy)["queue_full"] == 4
    assert counts(*busy, answer(50))["queue_full"] == 4


def test_starts_are_counted_within_the_window() -> None:
    log = [texts.server_start(moment(ago), 11434) for ago in (4000, 900, 60)]
    assert counts(*log, answer(10)) == {"restarts": 2}


def test_a_fallback_to_the_cpu_is_told_apart_from_a_failure() -> None:
    found = counts(texts.cpu_fallback(moment(60)))
    assert (found["cpu_fallback"], found.get("standing_failures")) == (1, None)


def test_what_needs_no_recovery_is_counted() -> None:
    cut = slog(moment(30), "WARN", "runner.go:128", "truncating input prompt", limit="4096", prompt="9000")
    log = [cut, answer(20, 12.5), answer(19, 0.01, 403), answer(18, 0.01, 503), answer(17, 0.01, 503, "/api/tags")]
    reading = replay("ollama_log", "\n".join([texts.server_start(moment(40), 11434), *log]).encode(), source=PATH)
    names = ("truncated", "forbidden", "busy", "starts", "longest_s")
    assert tuple(reading.facts[name] for name in names) == (1, 1, 1, 1, 12.5)
    assert "503" in reading.evidence["busy"][0].text
    quiet = replay("ollama_log", texts.server_start(moment(4000), 11434).encode(), source=PATH)
    assert tuple(quiet.facts[name] for name in names) == (0, 0, 0, 0, None)
    assert str(quiet.reason("longest_s"))
