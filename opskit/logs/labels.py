"""What lines of Ollama, llama.cpp, the kernel, systemd and proxies mean: the table behind `classify`.

A rule counts if one of its words stands in the lower-cased text and its pattern, if any, is found there. The first
rule that counts decides, so causes stand before consequences and memory before "the process died". Texts are those
of ollama/ollama (llm/status.go, llm/server.go, llm/llama_server.go, server/sched.go; before and after 0.30, where
"llama runner" became "llama-server"), ggml-cuda.cu, llama.cpp tools/server, mm/oom_kill.c, systemd and nginx.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Rule(NamedTuple):
    """One meaning: the label, words of which one must occur, and a pattern over the lower-cased text."""

    label: str
    words: Sequence[str]
    pattern: re.Pattern[str] | None = None


def _rule(label: str, *words: str, pattern: str = "") -> Rule:
    return Rule(label, words, re.compile(pattern) if pattern else None)


_RUNNER = r"(?:llama[- ](?:runner|server)|runner|llm server)"
_NGINX = (
    _rule("client-abort", "prematurely closed connection", pattern=r"client prematurely closed connection"),
    _rule("proxy-buffering", "is buffered to a temporary file"),
    _rule("disk-full", "(28: "),
    _rule("port-conflict", "(98: ", pattern=r"bind\(\)"),
    _rule(
        "proxy-tls",
        "ssl",
        pattern=r"ssl_(?:do_handshake|read|write)\(\)|ssl certificate|certificate (?:verify|has exp)",
    ),
    _rule(
        "proxy-timeout",
        "timed out",
        pattern=r"upstream timed out|\((?:110|60): .{0,40}timed out\) while (?!send.{0,9}client)",
    ),
    _rule(
        "proxy-refused",
        "connect()",
        "no live upstreams",
        "temporarily disabled",
        pattern=r"\((?:111|61|113|101|2|11): |upstreams?",
    ),
    _rule("proxy-reset", "upstream prematurely closed", "(104: ", "upstream sent no valid", "sent too big header"),
    _rule("proxy-limit", "limiting requests", "limiting connections", "worker_connections are not enough", "(24: "),
    _rule("proxy-config", "client intended to send too large", "(13: ", "host not found in upstream", "[emerg]"),
    _rule("proxy-config", "could not be resolved", "no resolver defined", "upgrade header"),
)
_MEMORY = (
    _rule("ram-oom", "oom-kill", "oom_reaper", "oom killer", "invoked oom", "killed process", "oomkilled", "(oom_"),
    _rule("ram-oom", "requires more system memory", "std::bad_alloc", "cannot allocate memory", "enomem"),
    _rule(
        "ram-oom",
        "runtime: out of memory",
        "cpu buffer",
        "ggml_aligned_malloc",
        "paging file is too small",
        pattern=r"out of memory|(?:allocate|allocating).{0,60}cpu buffer|insufficient memory|paging file",
    ),
    _rule("ram-oom", "signal: killed", "code=killed, status=9"),
    _rule("vram-oom", "cudamalloc failed", "hipmalloc failed", "out of device memory", "erroroutofmemory"),
    _rule("vram-oom", "error_out_of_memory", "out_of_device_memory", "cublas_status_alloc_failed", "outofdevicememory"),
    _rule("vram-oom", "out of memory", "out-of-memory", "not enough memory", "insufficient memory", "oom detected"),
    _rule(
        "vram-oom",
        "failed to allocate",
        "unable to allocate",
        "allocation failed",
        "memory allocation of size",
        pattern=r"(?:cuda|rocm|hip|vulkan|metal|sycl|device|gpu|compute|kv|pp|tg|backend)\w* ?(?:\S+ )?"
        r"(?:buffers?|memory|cache)",
    ),
)
_GPU = (
    _rule("gpu-lost", "fallen off the bus", "gpu is lost", "gpu_is_lost", "devicelost", "device lost"),
    _rule("gpu-lost", "nvrm: xid", pattern=r"nvrm: xid \(.{1,40}\): 79,"),
    _rule("gpu-lost", "nvml", pattern=r"failed to initialize nvml|nvml.{0,60}(?:unknown error|not loaded|mismatch)"),
    _rule("gpu-lost", "failed to get device context", "failed to initialize cuda", "nvidia-smi has failed"),
    _rule("gpu-lost", "busy or unavailable", "no cuda-capable device", "communicate with the nvidia driver"),
    _rule("gpu-lost", "looking up nvidia gpu memory", "init failure: 999"),
    _rule("gpu-lost", "init failure: 802", "unable to determine the device"),
    _rule("gpu-fault", "nvrm: xid", pattern=r"nvrm: xid \("),
    _rule(
        "gpu-fault",
        "cuda error",
        "rocm error",
        "hip error",
        "hiperror",
        "cublas_status_",
        "gsp",
        "amdgpu",
        "access fault",
        pattern=r"(?:cuda|rocm|hip) ?error|cublas_status_(?!success)|nvrm: .{0,80}gsp.{0,80}(?:timeout|error)"
        r"|amdgpu.{0,80}(?:timeout|reset|page fault)|memory access fault by gpu",
    ),
)
_ENDED = (
    _rule("disk-full", "no space left on device", "enospc", "not enough space on the disk", "disk quota exceeded"),
    _rule("port-conflict", "address already in use", "eaddrinuse", "only one usage of each socket address"),
    _rule(
        "client-abort", "timed out waiting for", "error loading", "load failed", pattern=r"(?:context|request) canceled"
    ),
    _rule("load-timeout", "timed out waiting for", pattern=rf"timed out waiting for (?:{_RUNNER}|server|model)"),
    _rule("load-timeout", "load timeout", "stall timeout", "model load timed out"),
    _rule("stuck", "no slots available after", "blocked for more than", "soft lockup", "runner is not responding"),
    _rule("runaway", "token repeat limit", "context limit hit - shifting", "slot context shift", "context shift"),
    _rule(
        "panic",
        "panic:",
        "fatal error:",
        "panic recovered",
        "ggml_assert",
        "does not support k-shift",
        pattern=r"(?:^|[ \t])panic: |^fatal error: |panic recovered|ggml_assert\(|k-shift",
    ),
    _rule("panic", "goroutine ", pattern=r"^goroutine \d+ (?:gp=\S+ )?.{0,40}\[[a-z]"),
)
_DIED = (
    _rule(
        "crash",
        "has terminated",
        "terminated",
        "no longer running",
        "unexpectedly stopped",
        pattern=rf"{_RUNNER}(?: process)?(?: has)? terminated|no longer running|unexpectedly stopped",
    ),
    _rule(
        "crash",
        "signal: ",
        "signal arrived during cgo",
        "sigsegv",
        "sigabrt",
        "sigill",
        "sigbus",
        "sigtrap",
        pattern=r"signal: (?!interrupt|terminated)\w|cgo exec|\bsig(?:segv|abrt|ill|bus|trap)\b",
    ),
    _rule("crash", "exit status", "exit code", pattern=r"exit (?:status|code):? (?!0\b(?!x))(?:\d|0x)"),
    _rule("crash", "main process exited", pattern=r"main process exited, code=(?!exited, status=(?:0|143|130)\b)"),
    _rule("crash", "failed with result", "scheduled restart job", "start request repeated too quickly"),
    _rule("crash", "core dumped", "segfault at", "segmentation fault", "illegal instruction", "invalid opcode"),
    _rule("crash", "terminate called", "general protection fault", "bus error", "traps: ", "stack smashing"),
    _rule(
        "crash", "rip", "rax", "rsp", "eflags", pattern=r"^(?:r(?:ip|[abcd]x|[sd]i|[sb]p|\d{1,2})|r?flags) +0x[0-9a-f]"
    ),
    _rule("crash", "pc=0x", pattern=r"^pc=0x[0-9a-f]+ m="),
    _rule("crash", "post predict", "an error was encountered while running the model", "unexpected server status"),
    _rule(
        "crash",
        "forcibly closed",
        "eof",
        "connection reset",
        pattern=r"127\.0\.0\.1:\d+.{0,200}(?:eof|forcibly closed|connection reset)",
    ),
    _rule(
        "crash",
        "load failed",
        "error loading",
        "failed to load",
        "unable to load model",
        "failed to decode batch",
        pattern=r"msg=\"?load failed|error loading (?:model|llama)"
        r"|(?:unable|failed) to load model|failed to decode batch",
    ),
    _rule("crash", "llama_init_from_model:", "llama_new_context", pattern=r"failed"),
    _rule("crash", "mlx:", pattern=r"^mlx: "),
)
_CLIENT = (
    _rule("client-abort", "client clos", "client connection closed", "client disconnect", "clientdisconnect"),
    _rule("client-abort", "cancel task", "request canceled", "request cancelled", "context canceled", "broken pipe"),
    _rule("queue-full", "server busy", "maximum pending requests", "server is busy", "server overloaded"),
    _rule("truncated", "truncating input", "exceed_context_size", "exceeds the available context", "prompt too long"),
    _rule("truncated", "prompt is too long"),
    _rule("truncated", "exceeds maximum context", "exceeds the context", "input truncated", pattern=r"exceed|truncat"),
    _rule("truncated", "truncated = 1"),
    _rule(
        "not-found",
        "not found",
        "try pulling it first",
        "manifest",
        pattern=r"model ['\"\\]+[^'\"]{1,200}['\"\\]+ not found|try pulling it first"
        r"|manifest.{0,40}(?:does not exist|unknown)"
        r"|file not found|model not found|page not found",
    ),
)
_STATE = (
    _rule("reload", "to become available", "to start responding", "evicting", "model to expire immediately"),
    _rule(
        "reload", "starting llama", "starting runner", "starting go runner", "loading model", "will fit in available"
    ),
    _rule("reload", "expiring loaded", "needs reload", "reloading model", "unloading"),
    _rule("cpu-fallback", "compatible gpu libraries", "compatible gpus", pattern=r"compatible=\[\]|no compatible gpus"),
    _rule("cpu-fallback", "library=cpu", pattern=r"inference compute.{0,80}library=cpu|offload.{0,40}library=cpu"),
    _rule("cpu-fallback", "100% cpu", "no usable gpu", "falling back to cpu", "fall back to cpu", "gpu discovery"),
    _rule(
        "cpu-fallback",
        "without gpu support",
        "non supported hw",
        "to load any model layers",
        "gpu offload support",
        pattern=r"without gpu|non supported|insufficient vram|too little|not compiled",
    ),
    _rule("partial-offload", "cpu/gpu", pattern=r"\d+%/\d+% cpu/gpu"),
    _rule("stuck", "stopping...", pattern=r"stopping\.\.\.\s*$"),
    _rule("stuck", "not responding"),
)
_PROXY = (
    _rule(
        "proxy-refused",
        "econnrefused",
        "connection refused",
        "connect call failed",
        "actively refused",
        "failed to connect",
    ),
    _rule(
        "proxy-timeout",
        "etimedout",
        "headerstimeout",
        "readtimeout",
        "connecttimeout",
        "request timed out",
        "gateway time-out",
    ),
    _rule(
        "proxy-timeout", "timeouterror", "timeout exceeded", "i/o timeout", "deadline exceeded", "apitimeout", "und_err"
    ),
    _rule(
        "proxy-reset", "socket hang up", "econnreset", "serverdisconnected", "remotedisconnected", "connection reset"
    ),
    _rule(
        "proxy-limit", "rate limit", "too many requests", "too many open files", "emfile", "no deployments available"
    ),
)
_ADVICE = (
    _rule("warning", "level=warn", "level=error", "got exception", "vram usage didn't recover", "low vram mode"),
    _rule("warning", "n_ctx_train", pattern=r"n_ctx_(?:per_)?seq.{0,20}[<>] n_ctx_train"),
    _rule("warning", "", pattern=r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?\[(?:warn|error|crit|alert)\] "),
)

NGINX: tuple[Rule, ...] = _NGINX
RULES: tuple[Rule, ...] = (*_MEMORY, *_GPU, *_ENDED, *_DIED, *_CLIENT, *_STATE, *_PROXY, *_ADVICE)
HARMLESS = re.compile(r"retrying without pipeline parallelism|operation:(?:alloc|fit)\b")
