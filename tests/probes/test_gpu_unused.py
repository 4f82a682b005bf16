"""A GPU that is there and a model on the CPU: the known causes by what shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from opskit.lab import kernel as texts_of
from opskit.model.status import Status
from tests.probes.asking import NOW
from tests.probes.joined import GB, NOBODY, STRANGER, Told, api, card, inventory, judge, model, texts

ON_CPU = api(model(0, 21))
KERNEL = texts_of.boot(NOW - timedelta(days=1))
QUIET = KERNEL.encode()
CARD = card(used=GB, processes=[], capability=[8, 6])
TIME = "time=2026-11-24T02:50:0{}.000+08:00 level={} source={} "
START = TIME.format(0, "INFO", "routes.go:1") + 'msg="Listening on 127.0.0.1:11434 (version 0.33.1)"\n'
CPU = TIME.format(1, "INFO", "types.go:60") + 'msg="inference compute" id=cpu library=cpu total="64.0 GiB"\n'
GPU = TIME.format(1, "INFO", "types.go:60") + 'msg="inference compute" id=GPU-1 library=CUDA total="22 GiB"\n'
E_999 = TIME.format(2, "WARN", "gpu.go:1") + 'msg="cuda driver library failed to get device context 999"\n'
E_18 = TIME.format(2, "WARN", "gpu.go:1") + 'msg="nvml vram init failure: 18"\n'
OLD = TIME.format(2, "WARN", "gpu.go:1") + 'msg="NVIDIA driver too old" driver=470.1\n'
GIN = '[GIN] 2026/11/24 - 02:58:00 | 200 |  1.5s |  127.0.0.1 | POST     "/api/chat"\n'


def look(gpu: Told, ollama: Told, log: str | Told = START + GIN, kernel: Told = QUIET) -> dict[str, Told]:
    told = log.encode() if isinstance(log, str) else log
    return {"gpu": gpu, "ollama": ollama, "ollama_log": told, "kernel": kernel}


def verdict_on(told: dict[str, Told], expected: int | None = 1) -> tuple[Status, str]:
    logs = {"ollama_log": {"source": "/var/log/ollama.log"}, "kernel": {"source": "/var/log/kern.log"}}
    verdict = judge("gpu-expected", "gpu_unused", told, expected, **logs)
    return verdict.status, texts(verdict)


def slept(seconds: float) -> bytes:
    return (KERNEL + texts_of.short_iso(NOW - timedelta(seconds=seconds), ["PM: suspend exit"])).encode()


def loaded_late() -> bytes:
    line = "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05"
    return texts_of.short_iso(NOW.replace(hour=2, minute=50, second=30), [line]).encode()


MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.129.03"


@pytest.mark.parametrize(
    ("gpu", "log", "kernel", "words"),
    [
        (inventory(init_error={"code": 18, "text": "x"}, module=MODULE, library=LIBRARY), START, None,
         "the kernel runs 535.104.05, the library is 535.129.03"),
        (inventory(CARD), START + E_18, None, "driver and library in different versions, which is over now"),
        (inventory(CARD), START + OLD, None, "is too old"),
        (inventory(CARD, driver="470.1.2"), START, None,
         "driver 470.1.2 may be too old for it: current versions want 550"),
        (inventory({**CARD, "capability": [6, 1]}, driver="560.1"), START, None, "want 570"),
        (inventory(CARD), START + E_999, slept(3000), "was suspended"),
        (inventory(CARD), START + E_999, None, "recreate the container"),
        (inventory(CARD), START + CPU, None, "found no GPU when it started"),
        (inventory(CARD), START, loaded_late(), "found no GPU when it started"),
        (inventory(card(used=22 * GB, processes=[{**STRANGER, "used": 22 * GB}])), START, None,
         "held by others: python3"),
        (inventory(init_error={"code": 9, "text": "x"}), START, None, "driver is not loaded"),
        (inventory({"index": 0, "error": {"code": 15, "text": "x"}}), START, None, "the GPU does not answer: is lost"),
        (inventory(CARD), START, None, "none of the known causes shows"),
        # An earlier start of the server found nothing, the present one did.
        (inventory(CARD), CPU.replace("02:50:01", "02:40:01") + START + GPU, None, "none of the known causes shows"),
        (inventory(CARD), NOBODY, NOBODY, "cannot be told without its log"),
        # Somebody talks about it: that is a prompt, and no line of the server.
        (inventory(CARD), START + 'level=DEBUG msg=completion prompt="cuInit failed 999"\n', None, "none of the known"),
    ],
)  # fmt: skip
def test_the_cause_is_named_by_what_shows_it(gpu: bytes, log: Any, kernel: Told | None, words: str) -> None:
    status, said = verdict_on(look(gpu, ON_CPU, log, KERNEL.encode() if kernel is None else kernel))
    assert status is Status.CRITICAL
    assert words in said


@pytest.mark.parametrize(
    ("told", "expected", "status", "words"),
    [
        (look(inventory(card()), api(model())), 1, Status.OK, "model_on_cpu 0"),
        (look(inventory(CARD), api(model())), 1, Status.WARNING, "the GPUs of this host use 1.0 GB"),
        (look(inventory(CARD), api(model(1, 21))), 1, Status.OK, "model_on_cpu 0"),
        (look(inventory(CARD), api()), 1, Status.OK, "answering 1"),
        (look(inventory(CARD), ON_CPU), None, Status.WARNING, "is not computed on a GPU"),
        (look(inventory(CARD), api(model(0, 1, "embed:1b"))), 1, Status.OK, "answering 1"),
        (look(inventory(CARD), api(), START + CPU), 1, Status.WARNING, "its log says"),
        (look(inventory(CARD), api({"name": "qwen3:32b", "size": 9})), 1, Status.UNKNOWN, "does not say how much"),
        (look(inventory(CARD), NOBODY), 1, Status.UNKNOWN, "there is no such file"),
        (look(inventory(CARD), b'{"tags": 5}'), 1, Status.UNKNOWN, "cannot be read"),
        (look(inventory(CARD), ON_CPU), 2, Status.CRITICAL, "1 of 2 answer"),
        (look(inventory(init_error={"code": 12, "text": "x"}), ON_CPU), None, Status.UNKNOWN, "is not on this host"),
        (look(inventory(init_error={"code": 12, "text": "x"}), ON_CPU), 1, Status.CRITICAL, "is not on this host"),
        (look(inventory(), api()), 1, Status.CRITICAL, "shows no GPU"),
        (look(NOBODY, ON_CPU), 1, Status.UNKNOWN, "there is no such file"),
    ],
)
def test_who_is_accused_and_who_is_not(told: dict[str, Told], expected: int | None, status: Status, words: str) -> None:
    found, said = verdict_on(told, expected)
    assert found is status, said
    assert words in said
