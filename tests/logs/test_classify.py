"""What lines mean: every family of every label, in the envelopes they arrive in, and the traps between them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.classify import block, label, main

SLOG = "time=2026-11-22T13:00:01.123+08:00 level=INFO source=sched.go:1 msg="
NGINX = "2026/11/22 13:00:01 [error] 31#31: *46 "
LABELLED = [
    ("ok", '[GIN] 2026/11/22 - 13:00:01 | 200 |  1.5s | 127.0.0.1 | POST     "/api/chat"'),
    ("slow", '[GIN] 2026/11/22 - 13:00:01 | 200 |         2m1s |       127.0.0.1 | POST     "/api/chat"'),
    ("crash", '[GIN] 2026/11/22 - 13:00:01 | 500 |         2m1s |       127.0.0.1 | POST     "/api/chat"'),
    ("load-timeout", '[GIN] 2026/11/22 - 13:00:01 | 500 |         5m2s |       127.0.0.1 | POST     "/api/chat"'),
    ("stuck", '[GIN] 2026/11/22 - 13:00:01 | 500 |        45m0s |       127.0.0.1 | POST     "/api/chat"'),
    ("warning", '[GIN] 2026/11/22 - 13:00:01 | 500 |        45m0s |       127.0.0.1 | POST     "/api/pull"'),
    ("queue-full", '[GIN] 2026/11/22 - 13:00:01 | 503 | 16.724µs | 127.0.0.1 | POST     "/api/chat"'),
    ("client-abort", '[GIN] 2026/11/22 - 13:00:01 | 499 |         1m0s |       127.0.0.1 | POST     "/api/chat"'),
    ("not-found", "[GIN] 2026/11/22 - 13:00:01 | req-17 | 404 | 16.724µs | 127.0.0.1 | POST /api/chat"),
    ("crash", SLOG + '"Load failed" error="llama runner process has terminated: exit status 2"'),
    ("crash", SLOG + '"llama-server terminated" exit="signal: aborted (core dumped)"'),
    ("reload", SLOG + '"waiting for llama-server to become available" status="llm server not responding"'),
    ("reload", SLOG + '"waiting for llama runner to start responding"'),
    ("ok", "       eval time =       0.00 ms /     1 runs   (    0.00 ms per token,     0.00 tokens per second)"),
    ("slow", "       eval time =   90000.00 ms /    45 runs   ( 2000.00 ms per token,     0.50 tokens per second)"),
    ("load-timeout", SLOG + '"Load failed" error="timed out waiting for llama-server to start - progress 0.50 - "'),
    ("client-abort", SLOG + '"Load failed" error="timed out waiting for llama runner to start: context canceled"'),
    ("client-abort", SLOG + '"aborting completion request due to client closing the connection"'),
    ("client-abort", SLOG + '"client connection closed before llama-server finished loading, aborting load"'),
    ("slow", SLOG + '"llama-server started in 61.20 seconds"'),
    ("ok", SLOG + '"llama-server started in 4.20 seconds"'),
    ("reload", SLOG + '"starting llama-server" cmd="/usr/bin/llama-server --model /x --port 4"'),
    ("truncated", SLOG + '"truncating input prompt" limit=2048 prompt=3000 keep=4 new=2048'),
    ("partial-offload", "load_tensors: offloaded 12/65 layers to GPU"),
    ("cpu-fallback", "load_tensors: offloaded 0/65 layers to GPU"),
    ("ok", "load_tensors: offloaded 65/65 layers to GPU"),
    ("partial-offload", SLOG + "offload library=cuda layers.requested=-1 layers.model=65 layers.offload=40"),
    ("cpu-fallback", SLOG + '"inference compute" id=0 library=cpu variant=avx2'),
    ("queue-full", '{"error":"server busy, please try again.  maximum pending requests exceeded"}'),
    ("not-found", '{"error":{"message":"model \'qwen3:32b\' not found","type":"api_error"}}'),
    ("not-found", '{"error":"model \\"qwen3:32b\\" not found, try pulling it first"}'),
    ("vram-oom", "ggml_gallocr_reserve_n: failed to allocate ROCm0 buffer of size 1234"),
    ("vram-oom", "CUDA error: out of memory"),
    ("vram-oom", 'msg="Load failed" error="llama-server reported out-of-memory during startup: x"'),
    ("ram-oom", "fatal error: runtime: out of memory"),
    ("ram-oom", "model requires more system memory (40.1 GiB) than is available (3.1 GiB)"),
    ("ram-oom", 'error="llama runner process has terminated: signal: killed"'),
    ("panic", "panic: runtime error: index out of range [5]"),
    ("panic", "ggml.c:123: GGML_ASSERT(x == y) failed"),
    ("gpu-fault", "ROCm error: invalid device function"),
    ("gpu-fault", "NVRM: Xid (PCI:0000:01:00): 31, pid=1, name=ollama, Ch 00000010"),
    ("gpu-lost", "NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus."),
    ("gpu-lost", "Failed to initialize NVML: Driver/library version mismatch"),
    ("ok", "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  575.51"),
    ("disk-full", "Error: write /srv/ollama/blobs/x: no space left on device"),
    ("port-conflict", "Error: listen tcp 127.0.0.1:11434: bind: address already in use"),
    ("stuck", 'error="no slots available after 10 retries"'),
    ("runaway", SLOG + '"context limit hit - shifting" limit=4096'),
    ("crash", "ollama.service: Main process exited, code=exited, status=1/FAILURE"),
    ("ok", "ollama.service: Main process exited, code=exited, status=0/SUCCESS"),
    ("slow", "slot print_timing: id 0 | task 1 | n_gen = 40, tg = 0.90 t/s"),
    ("ok", "slot print_timing: id 0 | task 1 | n_gen = 40, tg = 90.00 t/s"),
    ("warning", "time=2026-11-22T13:00:01Z level=WARN source=x.go:1 msg=odd"),
    ("warning", "0.38.535.901 E srv  something: new and strange"),
    ("ok", "0.38.535.901 W srv  something: new and strange"),
    ("warning", "0.38.535.901 W srv  something: failed to be new and strange"),
    ("proxy-refused", NGINX + "connect() failed (111: Connection refused) while connecting to upstream"),
    ("proxy-timeout", NGINX + "upstream timed out (110: Operation timed out) while reading response header"),
    ("client-abort", NGINX + "epoll_wait() reported that client prematurely closed connection"),
    ("proxy-reset", NGINX + "upstream prematurely closed connection while reading upstream"),
    ("proxy-limit", NGINX + 'limiting requests, excess: 5.4 by zone "chat"'),
    ("proxy-config", NGINX + "client intended to send too large body: 1048577 bytes"),
    ("disk-full", NGINX + "pwrite() failed (28: No space left on device) while reading upstream"),
    ("proxy-refused", "Error: connect ECONNREFUSED 127.0.0.1:11434"),
    ("ok", ""),
    ("ok", "\x00\xff\ufffd"),
    ("ok", "slot release: id 0 | task 0 | stop processing: n_tokens = 250, truncated = 0"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "line"), LABELLED)
def test_a_bare_line_has_its_label(expected: str, line: str) -> None:
    assert label(line) == expected


ENVELOPES = [
    "Nov 22 13:00:01 gpu1 ollama[1300]: {}",
    "11月 22 13:00:01 gpu1 ollama[1300]: {}",
    "mar 15 13:00:01 ollama[1300]: {}",
    "déc. 24 13:00:01 gpu1 systemd[1]: {}",
    "gpu1 ollama[1300]: {}",
    "ollama-1  | {}",
    "2026-11-22T13:00:01.123456789Z {}",
    "2026-11-22T13:00:01.123456789Z stderr F {}",
    "2026-11-22T13:00:01+0800 gpu1 ollama[1300]: {}",
    "\x1b[33m{}\x1b[0m",
    "{}\r",
]


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(("expected", "line"), LABELLED[:50])
def test_an_envelope_does_not_change_the_label(envelope: str, expected: str, line: str) -> None:
    assert label(envelope.format(line)) == expected


@pytest.mark.parametrize("field", ["msg", "message", "log", "MESSAGE"])
def test_a_line_inside_the_json_of_another_program_counts(field: str) -> None:
    assert (
        label('{"level":50,"' + field + '":"' + SLOG.replace('"', "") + '\\"llama runner terminated\\"\\n"}') == "crash"
    )


@pytest.mark.parametrize(("code", "expected"), [("ECONNREFUSED", "proxy-refused"), ("ETIMEDOUT", "proxy-timeout")])
def test_the_cause_beside_a_message_counts(code: str, expected: str) -> None:
    assert (
        label('{"level":"error","message":"answer failed","cause":{"code":"' + code + '","message":"x"}}') == expected
    )
    assert (
        label('{"level":50,"msg":"answer failed","err":{"type":"Error","message":"connect ' + code + '"}}') == expected
    )


def test_the_status_beside_the_text_of_an_access_record_counts() -> None:
    record = '{"level":"error","msg":"handled request","request":{"method":"POST","uri":"/v1/x"},"status":%d}'
    assert label(record % 504) == "proxy-timeout"
    assert label(record % 200) == "ok"


def test_a_line_glued_behind_unfinished_output_is_two() -> None:
    assert (
        label('cuda driver library failed to get device context 800time=2026-11-22T13:00:01Z level=WARN msg="x"')
        == "gpu-lost"
    )
    assert label("loading" + SLOG + '"llama runner terminated" error="exit status 2"') == "crash"


@pytest.mark.parametrize(
    "carrier",
    [
        '{"model":"m","input":"%s"}',
        '{"model":"m","input":["first","%s"]}',
        '{"role":"user","content":[{"text":"%s","type":"text"}]}',
        '12:00:01 info inbound {"from":"a","body":"%s"} inbound message',
        'time=2026-11-22T13:00:01Z level=TRACE msg=x body="{\\"prompt\\":\\"he said \\\\\\"%s\\\\\\" twice\\"}" n=1',
        '10.0.0.1 - - [22/Nov/2026:13:00:01 +0800] "GET / HTTP/1.1" 200 1 "%s" "%s"',
        '[2026-11-22T13:00:01.000Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 9 1 - "-" "%s"',
        'INFO:     10.0.0.1:0 - "GET /?q=%s HTTP/1.1" 200 OK',
    ],
)
@pytest.mark.parametrize("words", ["panic: x", "CUDA error: out of memory", "fetch failed", "signal: killed"])
def test_what_a_user_wrote_is_not_classified_wherever_it_stands(carrier: str, words: str) -> None:
    assert label(carrier.replace("%s", words)) == "ok"


@pytest.mark.parametrize(
    "words", ["panic: CUDA error: out of memory", 'say \\"panic: x\\" now', "Killed process 1 (x)"]
)
def test_what_a_user_wrote_is_not_classified(words: str) -> None:
    assert label(f'time=2026-11-22T13:00:01Z level=DEBUG msg="chat request" prompt="{words}" n=1') == "ok"


def test_short_memory_is_the_cause_of_the_failed_command_before_it() -> None:
    failed = "ggml_metal_graph_compute: command buffer 1 failed with status 5"
    assert block([failed, "error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"]) == (
        "vram-oom"
    )


def test_the_first_fatal_line_decides_and_not_the_loudest() -> None:
    assert block(["CUDA error: out of memory", "panic: x", "goroutine 1 [running]:", "exit status 2"]) == "vram-oom"
    assert block(["goroutine 1 [running]:", "x"]) == "panic"
    assert block([LABELLED[2][1], "ollama.service: Failed with result 'oom-kill'."]) == "ram-oom"
    assert block([LABELLED[1][1], SLOG + '"truncating input prompt"']) == "slow"
    assert block([]) == "ok"


def test_who_gave_up_is_more_than_that_it_was_slow() -> None:
    aborted = SLOG + '"aborting completion request due to client closing the connection"'
    assert block([LABELLED[1][1], aborted]) == "client-abort"
    assert block([SLOG + '"starting llama-server"', "load_tensors: offloaded 0/33 layers to GPU"]) == "cpu-fallback"


def test_a_failure_without_its_cause_gives_way_to_the_line_that_names_it() -> None:
    assert block(["TypeError: fetch failed"]) == "proxy-refused"
    assert block(["TypeError: fetch failed", "  cause: HeadersTimeoutError: Headers Timeout Error"]) == "proxy-timeout"
    assert block(["AI response error: Connection error.", "code: 'ECONNRESET'"]) == "proxy-reset"


def test_an_allocation_that_was_retried_is_only_a_warning() -> None:
    trial = [
        "ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 9",
        "retrying without pipeline parallelism",
    ]
    assert block(trial) == "warning"
    assert (
        block([*trial, SLOG + '"Load failed" error="llama-server process has terminated: exit status 1"']) != "warning"
    )


def test_the_limit_for_slow_is_an_argument() -> None:
    assert label(LABELLED[1][1], slow_s=600) == "ok"
    assert label(LABELLED[0][1], slow_s=1) == "slow"


def test_the_command_prints_one_row_per_block(tmp_path: Path) -> None:
    path = tmp_path / "blocks.txt"
    path.write_bytes(b"# head\n@@ 001 | x | y\npanic: x\n\n@@ 2 | ok\n\xff\n########## end\npanic: y\n")
    run = subprocess.run(
        [sys.executable, "-m", "opskit.logs.classify", str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == main([str(path)]) == "001\tpanic\n2\tok\n"


@given(st.text(max_size=300))
def test_no_text_can_crash_it(text: str) -> None:
    label(text)
    label('{"msg": ' + text)


@pytest.mark.parametrize(
    "filler",
    [
        "[",
        '"',
        "\\",
        "time=2026-01-01T",
        'prompt="',
        "{",
        "1.",
        "a ",
        "\x1b[",
        "| ",
        "127.0.0.1:1 ",
        "model '",
        "upstream ",
        '"text":"',
        '\\"body\\":\\"',
        "503 1 - - ",
    ],
)
def test_a_megabyte_of_anything_is_labelled_quickly(filler: str) -> None:
    label(filler * (1_000_000 // len(filler)))
