"""The incidents that are recorded: for each what is broken, and the cause that triage is to name (None: a control)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.stand_ins import kernel_texts, ollama_texts
from tests.stand_ins.service import local_now
from tests.stand_ins.stack import Stack

_GENEROUS = {"gateway_options": ("--max-requests", "100000")}


@dataclass(frozen=True)
class Scene:
    """One incident: what was done, in a sentence, how to play it, and the cause. `options` go to the stack."""

    says: str
    play: Callable[[Stack], None]
    cause: str | None = None
    options: dict[str, Any] = field(default_factory=lambda: dict(_GENEROUS))


def users(stack: Stack, count: int = 30, timeout: float = 10) -> None:
    """So many users ask one question each, four at a time, through Nginx and Clawdbot; every third by the API."""

    def ask(number: int) -> None:
        send = stack.api if number % 3 == 0 else stack.chat
        send(f"question {number}", user=f"user{number:02d}", timeout=timeout)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(count)))


def _age(log: Path, by: timedelta) -> None:
    """Date the gateway's records back, as if what they tell had been a while ago."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    earlier = [{**record, "time": (datetime.fromisoformat(record["time"]) - by).isoformat()} for record in records]
    log.write_text("".join(json.dumps(record) + "\n" for record in earlier), encoding="utf-8")


def _healthy(stack: Stack) -> None:
    users(stack, 40)


def _nginx_down(stack: Stack) -> None:
    users(stack)
    stack.stop("nginx")


def _nginx_hangs(stack: Stack) -> None:
    users(stack, 20)
    stack.freeze("nginx")
    users(stack, 4, timeout=1.5)


def _no_requests(stack: Stack) -> None:
    for _ in range(3):
        users(stack, 12)
        time.sleep(0.5)
    time.sleep(75)


def _certificate_expired(stack: Stack) -> None:
    users(stack, 12, timeout=3)


def _clawdbot_down(stack: Stack) -> None:
    users(stack)
    stack.kill("clawdbot")
    users(stack, 12)


def _clawdbot_hangs(stack: Stack) -> None:
    users(stack, 20)
    stack.freeze("clawdbot")
    users(stack, 6, timeout=1.5)


def _gateway_down(stack: Stack) -> None:
    users(stack)
    stack.kill("gateway")
    users(stack, 12)


def _gateway_not_reached(stack: Stack) -> None:
    # Clawdbot was started with an api_base that leads nowhere; the gateway itself is well, and hears of nobody since.
    for number in range(6):
        stack.ask_gateway(f"row {number}", user="nightly-script")
    _age(stack.gateway_log, timedelta(hours=5))
    stack.stop("clawdbot")
    stack.process("clawdbot").command[:] = [
        word.replace(f":{stack.gateway_port}/", f":{stack.gateway_port + 1}/")
        for word in stack.process("clawdbot").command
    ]
    stack.start("clawdbot")
    for number in range(15):
        stack.chat("anybody there", user=f"user{number:02d}", timeout=5)


def _key_refused(stack: Stack) -> None:
    stack.control["gateway"].set(valid_keys=["another-key-that-nobody-told-clawdbot-0000"])
    users(stack)


def _rate_limited(stack: Stack) -> None:
    # Everybody comes from the proxy's address, so all share one bucket; an import job and a script use it up.
    stack.control["gateway"].set(max_requests=4)
    for name, count in (("import-job", 40), ("nightly-script", 14)):
        for number in range(count):
            stack.api(f"row {number}", user=name)
    users(stack, 30)


def _gateway_hangs(stack: Stack) -> None:
    users(stack)
    stack.control["gateway"].set(hang=True)
    users(stack, 8, timeout=1.5)


def _ollama_down(stack: Stack) -> None:
    users(stack)
    stack.stop("ollama")
    users(stack, 12)


def _model_missing(stack: Stack) -> None:
    stack.control["ollama"].set(models=["llama3.2:3b"])
    users(stack, 20)


def _gpu_memory_exhausted(stack: Stack) -> None:
    users(stack)
    stack.nvml.set(**{"gpu0.mem_used": 23_800_000_000})
    stack.control["ollama"].set(
        fail_chat={"status": 500, "error": "llama-server process has terminated: cudaMalloc failed: out of memory"}
    )
    stack.say_ollama(ollama_texts.out_of_memory_at_load(local_now()))
    users(stack, 12)


def _ollama_panic(stack: Stack) -> None:
    users(stack)
    stack.say_ollama(ollama_texts.go_panic(local_now()))
    stack.control["ollama"].set(
        fail_chat={"status": 500, "error": "llama runner process has terminated: exit status 2"}
    )
    users(stack, 12)


def _oom_killed(stack: Stack) -> None:
    users(stack)
    stack.kill("ollama")
    stack.say_kernel(kernel_texts.short_iso(local_now(), kernel_texts.oom_kill()))
    users(stack, 12)


def _ollama_hangs(stack: Stack) -> None:
    users(stack)
    stack.freeze("ollama")
    users(stack, 6, timeout=5)


def _runner_hangs(stack: Stack) -> None:
    users(stack)
    stack.control["gateway"].set(first_byte_s=60)
    stack.control["ollama"].set(hang_chat=True)
    stack.nvml.set(**{"gpu0.util_gpu": 0})
    users(stack, 8, timeout=2)


def _partly_on_the_cpu(stack: Stack) -> None:
    stack.control["ollama"].set(vram_share=0.62, token_delay_s=0.35)
    stack.nvml.set(**{"gpu0.mem_used": 23_300_000_000})
    users(stack, 6, timeout=30)


def _gpu_overheated(stack: Stack) -> None:
    users(stack, 12)
    stack.nvml.set(**{"gpu0.temp": 94, "gpu0.reasons": "0x40"})
    stack.control["ollama"].set(token_delay_s=0.3)
    users(stack, 6, timeout=30)


def _gpu_lost(stack: Stack) -> None:
    users(stack, 12)
    stack.nvml.set(**{"gpu0.handle": "!15"})
    stack.say_kernel(kernel_texts.short_iso(local_now(), kernel_texts.xid_79()))
    stack.control["ollama"].set(fail_chat={"status": 500, "error": "llama-server process has terminated: CUDA error"})
    users(stack, 12)


def _memory_full_and_fine(stack: Stack) -> None:
    stack.nvml.set(**{"gpu0.mem_used": 23_425_000_000})
    users(stack, 40)


def _hot_and_fine(stack: Stack) -> None:
    # 87 C on a card that may work at 93: above the rule of thumb, below its own limit, and not throttled.
    stack.nvml.set(**{"gpu0.temp": 87, "gpu0.temp_max": 93, "gpu0.reasons": "0x4"})
    users(stack, 40)


def _yesterdays_oom(stack: Stack) -> None:
    before = local_now() - timedelta(hours=20)
    stack.say_ollama(ollama_texts.out_of_memory_at_load(before))
    stack.say_kernel(kernel_texts.short_iso(before, kernel_texts.oom_kill()))
    users(stack, 40)


def _slow_and_fine(stack: Stack) -> None:
    # Ollama has one slot: whoever waits behind a long answer must not be cut off by the gateway's patience.
    stack.control["gateway"].set(first_byte_s=30)
    stack.control["ollama"].set(token_delay_s=0.28)
    users(stack, 6, timeout=30)
    stack.control["ollama"].clear()
    users(stack, 12)


def _strangers_knock(stack: Stack) -> None:
    users(stack, 20)
    for _ in range(60):
        stack.knock()
    users(stack, 10)


def _logs_just_rotated(stack: Stack) -> None:
    users(stack, 40)
    stack.nginx.rotate()


SCENES: dict[str, Scene] = {
    "healthy": Scene("nothing; forty users got their answers", _healthy),
    "nginx-down": Scene("Nginx was stopped", _nginx_down, "OPS101"),
    "nginx-hangs": Scene("Nginx was frozen (SIGSTOP)", _nginx_hangs, "OPS104"),
    "no-requests-arrive": Scene(
        "steady traffic, then nobody could reach the host for over a minute", _no_requests, "OPS102"
    ),
    "certificate-expired": Scene(
        "the certificate ended three days ago",
        _certificate_expired,
        "OPS103",
        {**_GENEROUS, "certificate_days": -3},
    ),
    "clawdbot-down": Scene("Clawdbot was killed", _clawdbot_down, "OPS301"),
    "clawdbot-hangs": Scene("Clawdbot was frozen (SIGSTOP)", _clawdbot_hangs, "OPS302"),
    "gateway-down": Scene("the gateway was killed", _gateway_down, "OPS201"),
    "gateway-not-reached": Scene(
        "Clawdbot's api_base points to a port where nobody listens", _gateway_not_reached, "OPS202"
    ),
    "key-refused": Scene("the gateway's key was changed, Clawdbot's was not", _key_refused, "OPS203"),
    "rate-limited": Scene("all users share one rate limit, and it is used up", _rate_limited, "OPS204"),
    "gateway-hangs": Scene("the gateway accepts requests and answers none", _gateway_hangs, "OPS205"),
    "ollama-down": Scene("Ollama was stopped", _ollama_down, "OPS401"),
    "model-missing": Scene("the model was removed from Ollama", _model_missing, "OPS402"),
    "gpu-memory-exhausted": Scene("loading the model failed for lack of GPU memory", _gpu_memory_exhausted, "OPS403"),
    "ollama-panic": Scene("Ollama's runner ended in a Go panic", _ollama_panic, "OPS404"),
    "oom-killed": Scene("the kernel killed Ollama for lack of memory", _oom_killed, "OPS405"),
    "ollama-hangs": Scene("Ollama was frozen (SIGSTOP): it accepts and answers nothing", _ollama_hangs, "OPS406"),
    "partly-on-the-cpu": Scene("38 % of the model runs on the CPU", _partly_on_the_cpu, "OPS407"),
    "runner-hangs": Scene("Ollama's API answers, its runner does not, the GPU idles", _runner_hangs, "OPS408"),
    "gpu-overheated": Scene("the GPU throttles at 94 C", _gpu_overheated, "OPS501"),
    "gpu-lost": Scene("the GPU fell off the bus", _gpu_lost, "OPS502"),
    "memory-full-and-fine": Scene("control: GPU memory at 97 %, the model wholly on it", _memory_full_and_fine),
    "hot-and-fine": Scene("control: 87 C on a card that may work at 93 C, not throttled", _hot_and_fine),
    "yesterdays-oom": Scene("control: both kinds of out of memory, twenty hours ago", _yesterdays_oom),
    "strangers-knock": Scene(
        "control: sixty requests without a key among thirty users who are served", _strangers_knock
    ),
    "logs-just-rotated": Scene("control: Nginx's logs were rotated a moment ago", _logs_just_rotated),
    "slow-and-fine": Scene("control: long answers took over 3 s, nothing is wrong", _slow_and_fine),
}
