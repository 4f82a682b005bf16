"""What Ollama prints when something breaks, in the words of two generations: "0.30" and "0.12".

Written after the message templates in Ollama's source (server/sched.go, llm/, discover/), llama.cpp's ggml-cuda and
Go's crash dumps; the figures are of an A10 with qwen3:32b. From 0.30 on the runner is llama-server and its lines carry
no time of their own. Each function takes the time of its first line, with a zone, unless it says otherwise, and returns
whole lines without a final newline.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from opskit.lab.ollama.journal import gin, slog
from opskit.lab.ollama.settings import Generation
from opskit.lab.ollama.wording import WORDING
from opskit.lab.runner import load_lines

_BLOB = "/usr/share/ollama/.ollama/models/blobs/sha256-3291abe70f16ee9682de7bfae08db5373ea9d6497e614aaad63340ad421d6312"
_ILLEGAL_ACCESS = "an illegal memory access was encountered"


def _after(time: datetime, seconds: float) -> datetime:
    return time + timedelta(seconds=seconds)


def _failed(time: datetime, error: str, seconds: float, status: int = 500) -> list[str]:
    """How a failed load ends: an INFO line that names the error, and the access line."""
    load = slog(time, "INFO", "sched.go:470", "Load failed", model=_BLOB, error=error)
    return [load, gin(time, status, seconds, "POST", "/api/chat")]


def server_start(time: datetime, port: int, generation: Generation = "0.30") -> str:
    """A start that finds its GPU."""
    version = "0.32.15" if generation == "0.30" else "0.12.3"
    settings = "map[CUDA_VISIBLE_DEVICES: OLLAMA_KEEP_ALIVE:5m0s OLLAMA_MAX_QUEUE:512 OLLAMA_NUM_PARALLEL:1]"
    card = {"id": "GPU-00000000-5a11-4c0d-9e57-00000000a100", "library": "CUDA", "compute": "8.6"}
    memory = {"description": "NVIDIA A10", "total": "22.5 GiB", "available": "22.2 GiB"}
    return "\n".join([
        slog(time, "INFO", "routes.go:1850", "server config", env=settings),
        slog(time, "INFO", "routes.go:1902", f"Listening on 127.0.0.1:{port} (version {version})"),
        slog(time, "INFO", "types.go:60", "inference compute", **card, **memory),
    ])  # fmt: skip


def model_load(time: datetime, generation: Generation, seconds: float) -> str:
    """A load that succeeds, all layers on the GPU; `time` is its end."""
    words = WORDING[generation]
    command = f"llama-server --model {_BLOB} --port 40123 --host 127.0.0.1 --no-webui --offline --ctx-size 4096"
    return "\n".join([
        slog(_after(time, -seconds), "INFO", f"{words.source}:402", words.starting, cmd=command),
        "load_tensors: offloading 64 repeating layers to GPU",
        "load_tensors: offloaded 65/65 layers to GPU",
        slog(time, "INFO", f"{words.source}:1310", f"{words.name} started in {seconds:.2f} seconds"),
    ])  # fmt: skip


def out_of_memory_at_load(time: datetime, generation: Generation = "0.30") -> str:
    """cudaMalloc fails while the weights go to the card; the request ends in 500."""
    error = WORDING[generation].terminated("cudaMalloc failed: out of memory")
    allocating = "allocating 17824.44 MiB on device 0: cudaMalloc failed: out of memory"
    runner = [
        f"ggml_backend_cuda_buffer_type_alloc_buffer: {allocating}",
        "alloc_tensor_range: failed to allocate CUDA0 buffer of size 18690256896",
        "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        "llama_model_load_from_file_impl: failed to load model",
    ]
    if generation == "0.30":
        runner += ["srv    load_model: failed to load model", "srv  llama_server: exiting due to model loading error"]
    else:
        runner = ["load_tensors: loading model tensors, this can take a while... (mmap = true)", *runner]
        runner.append(f"panic: unable to load model: {_BLOB}")
    started = slog(time, "INFO", f"{WORDING[generation].source}:402", "waiting for server to become available")
    return "\n".join([started, *runner, *_failed(_after(time, 2.8), error, 2.9)])


def go_panic(time: datetime, goroutines: int = 14, seed: int = 7) -> str:
    """A nil pointer in the server itself: the reason stands first, then a stack for each goroutine, over 60 lines."""
    chance = random.Random(seed)
    head = slog(time, "INFO", "sched.go:214", "updating default concurrency", OLLAMA_MAX_LOADED_MODELS=3)
    lines = [
        head,
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x38 pc=0x5581f0c2a4d7]",
        "",
    ]
    frames = (
        ("github.com/ollama/ollama/server.(*Scheduler).processPending", "server/sched.go", 268),
        ("github.com/ollama/ollama/server.(*Server).ChatHandler", "server/routes.go", 2210),
        ("github.com/gin-gonic/gin.(*Context).Next", "gin@v1.10.0/context.go", 185),
        ("net/http.(*conn).serve", "net/http/server.go", 2102),
    )
    states = ("running", "IO wait", "select", "chan receive, 4 minutes", "sync.Cond.Wait")
    for number in range(1, goroutines + 1):
        lines.append(f"goroutine {chance.randrange(1, 900)} [{states[0 if number == 1 else number % 4 + 1]}]:")
        for function, file, line in frames[: 2 + number % 3]:
            lines.append(f"{function}(0xc000{chance.randrange(16**6):06x}, {{0x{chance.randrange(16**12):012x}, 0x1}})")
            lines.append(f"\t{file}:{line + number} +0x{chance.randrange(16, 4000):x}")
        lines.append("")
    return "\n".join([*lines, "exit status 2"])


def runner_killed(time: datetime, generation: Generation = "0.30") -> str:
    """The kernel killed the runner in the middle of a request; the reason stands in the kernel's log only."""
    error, source = WORDING[generation].terminated("signal: killed"), WORDING[generation].source
    first = (
        slog(time, "ERROR", f"{source}:512", "llama-server terminated", exit="signal: killed")
        if generation == "0.30"
        else slog(time, "ERROR", f"{source}:273", "llama runner terminated", error="signal: killed")
    )
    failed = slog(_after(time, 0.02), "ERROR", f"{source}:1702", "post predict", error=error)
    return "\n".join([first, failed, gin(_after(time, 0.03), 500, 14.207331, "POST", "/api/chat")])


def load_timeout(time: datetime, generation: Generation = "0.30") -> str:
    """The load made no progress for five minutes: slow disk, or a GPU that does not answer."""
    name = WORDING[generation].name
    error = f"timed out waiting for {name} to start - progress 0.37 - "
    waiting = slog(time, "INFO", f"{WORDING[generation].source}:402", f"waiting for {name} to start responding")
    return "\n".join([waiting, *_failed(_after(time, 300.2), error, 300.6)])


def cuda_error(time: datetime, generation: Generation = "0.30", reason: str = _ILLEGAL_ACCESS) -> str:
    """A CUDA call fails during generation: the runner's lines, its abort, and what the server makes of it."""
    error = WORDING[generation].terminated(f"CUDA error: {reason}")
    return "\n".join([
        *load_lines.cuda_error(reason),
        slog(time, "ERROR", f"{WORDING[generation].source}:1702", "post predict", error=error),
        gin(time, 500, 8.113402, "POST", "/api/chat"),
    ])  # fmt: skip


def cpu_fallback(time: datetime, generation: Generation = "0.30") -> str:
    """A start that does not find the GPU and goes on without it: level INFO or WARN, never an error."""
    cpu = {"id": "cpu", "library": "cpu", "compute": "", "name": "cpu", "description": "cpu", "total": "62.6 GiB"}
    compute = slog(_after(time, 0.3), "INFO", "types.go:60", "inference compute", **cpu, available="57.9 GiB")
    if generation == "0.30":
        found = slog(
            time, "INFO", "runner.go:470", "failure during llama-server GPU discovery",
            OLLAMA_LIBRARY_PATH="[/usr/local/lib/ollama /usr/local/lib/ollama/cuda_v12]", error="runner crashed",
        )  # fmt: skip
        total = {"total_vram": "0 B", "default_num_ctx": 4096}
        context = slog(_after(time, 0.3), "INFO", "routes.go:2060", "vram-based default context", **total)
        return f"{found}\n{compute}\n{context}"
    low = {"total vram": "0 B", "threshold": "20.0 GiB"}
    return "\n".join([
        slog(time, "INFO", "gpu.go:612", "unable to load cuda driver library", error="nvml vram init failure: 18"),
        slog(_after(time, 0.2), "INFO", "gpu.go:396", "no compatible GPUs were discovered"),
        compute,
        slog(_after(time, 0.3), "INFO", "routes.go:1515", "entering low vram mode", **low),
    ])  # fmt: skip
