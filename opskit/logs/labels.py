"""What lines of Ollama, llama.cpp, the kernel, systemd and clients mean: the table behind `classify`.

A rule counts if one of its words stands in the lower-cased text and its pattern, if any, is found there. The first
rule that counts decides, so causes stand before consequences and memory before "the process died". Texts are those
of ollama/ollama (llm/status.go, llm/server.go, llm/llama_server.go, server/sched.go; before and after 0.30, where
"llama runner" became "llama-server"), llama.cpp tools/server, systemd, Go's runtime and the C libraries.
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule
from opskit.logs.labels_engine import ENGINES
from opskit.logs.labels_gpu import GPU, MEMORY
from opskit.logs.labels_nginx import NGINX
from opskit.logs.labels_proxy import PROXY
from opskit.logs.labels_system import SYSTEM
from opskit.model.regex import regex

__all__ = ["HARMLESS", "NGINX", "RULES", "VAGUE", "Rule"]

_RUNNER = r"(?:llama[- ](?:runner|server)|mlx runner|runner|llm server)"
_LEFT = r"(?:context|request) canceled"
# Lines that use the words of a fault for something else: they must stand before the faults.
_NORMAL = (
    rule("ok", "server config", pattern=r"server config\"? env="),
    rule("ok", "userspace out-of-memory"),
    rule("warning", "of pinned memory", "failed to mlock"),
    rule("cpu-fallback", "gpu discovery", "gpu bootstrap", pattern=r"fail|timed out"),
    rule("truncated", "exceed", pattern=r"exceeds? (?:the )?(?:available )?context|context size has been exceeded"),
)
_ENDED = (
    rule("disk-full", "no space left on device", "enospc", "not enough space on the disk", "quota exceeded"),
    rule("port-conflict", "address already in use", "address in use", "eaddrinuse", "only one usage of each socket"),
    rule("port-conflict", "already in use", pattern=r"port:? \d{1,5} is already in use"),
    rule("port-conflict", "instance is already listening on"),
    rule("port-conflict", "port is already allocated", "ports are not available", "couldn't bind"),
    rule("port-conflict", "bind: ", pattern=r"listen tcp\d? \S{1,80}: bind: (?!permission|cannot|can't)"),
    rule("client-abort", "timed out waiting for", "error loading", "load failed", "post predict", pattern=_LEFT),
    rule("load-timeout", "timed out waiting for", pattern=rf"timed out waiting for (?:{_RUNNER}|server|model)"),
    rule("load-timeout", "load timeout", "stall timeout", "model load timed out", "load timed out"),
    rule("queue-full", "server busy", "maximum pending requests", "server is busy", "server overloaded", "llm busy"),
    rule("queue-full", "slot unavailable"),
    rule("stuck", "no slots available after", "runner is not responding"),
    rule("runaway", "token repeat limit", "context limit hit - shifting", "slot context shift", "applying k-shift"),
    rule("runaway", "context shift", pattern=r"context shift.{0,8}\bn_keep|context shifting: erased"),
)
_PANIC = (
    rule(
        "panic",
        "panic:",
        "panic serving",
        "fatal error:",
        "panic recovered",
        "ggml_assert",
        "does not support k-shift",
        "kernel panic",
        pattern=r"(?:^|[ \t])panic: |http: panic serving|^fatal error: |panic recovered|ggml_assert[(:]|k-shift"
        r"|kernel panic - ",
    ),
    # GGML_ABORT writes where it stands and why, and nothing else does it in this form.
    rule(
        "panic",
        "ggml",
        "llama",
        pattern=r"^\S{0,200}(?:ggml|llama)[\w./\\-]{0,80}\.(?:c|cpp|cu|cuh|m|mm|h|hpp):\d+: \S",
    ),
    rule("panic", "assertion", pattern=r"^(?!nvrm).{0,200}assertion (?:`.{1,200}' )?failed"),
    rule("panic", "goroutine stack exceeds"),
    rule("panic", "goroutine ", pattern=r"^goroutine \d+ (?:gp=\S+ )?.{0,40}\[[a-z]"),
)
_DIED = (
    rule("client-abort", "write tcp", pattern=r"write tcp \S{1,80}:11434->"),
    rule(
        "crash",
        "has terminated",
        "terminated",
        "no longer running",
        "unexpectedly stopped",
        " exited",
        " crashed",
        pattern=rf"{_RUNNER}(?: process)?(?: has)? (?:terminated|exited|crashed)"
        r"|no longer running|unexpectedly stopped",
    ),
    rule(
        "crash",
        "signal: ",
        "signal arrived during ",
        "sigsegv",
        "sigabrt",
        "sigill",
        "sigbus",
        "sigtrap",
        pattern=r"signal: (?!interrupt|terminated)\w|(?:cgo|external code) exec|\bsig(?:segv|abrt|ill|bus|trap)\b",
    ),
    rule("crash", "exit status", "exit code", pattern=r"exit (?:status|code):? \(?(?!0\b(?!x))(?:\d|0x)"),
    rule("crash", "not listed in available servers", "abort was called at "),
    rule("crash", "server crash ", "terminate called", "stack smashing"),
    rule("crash", "libc++abi", "abort trap", "double free", "munmap_chunk", "corrupted size vs"),
    rule("crash", "free(): ", "malloc(): ", pattern=r"(?:free|malloc)\(\): [a-z]"),
    rule(
        "crash", " 0x", pattern=r"^(?:r(?:ip|[abcd]x|[sd]i|[sb]p|\d{1,2})|[re]?flags|[c-gs]s|lr|pc|fault) +0x[0-9a-f]"
    ),
    rule("crash", "pc=0x", pattern=r"^pc=0x[0-9a-f]+ m="),
    # The traces of an aborted llama.cpp: by glibc, by gdb or lldb, and by systemd's coredump.
    rule(
        "crash",
        ")[0x",
        ") [0x",
        "ggml_print_backtrace",
        pattern=r"\(\w{0,400}\+0x[0-9a-f]+\) ?\[0x|ggml_print_backtrace",
    ),
    rule(
        "crash", "[inferior ", " in ", pattern=r"^\[inferior \d+ \(process \d+\) detached|^(?:#\d+ +)?0x[0-9a-f]+ in "
    ),
    rule("crash", " + 0x", pattern=r"^#\d+ +0x[0-9a-f]+ \S{1,400} \(\S{1,200} \+ 0x[0-9a-f]+\)"),
    rule("crash", "failed to start a llama runner", "no suitable llama servers", "error starting llama"),
    # The runner's own port, which is not the server's.
    rule(
        "crash",
        "dial tcp",
        pattern=r"127\.0\.0\.1:\d+/(?:completion|embedding|tokenize|health|load|info)\W{1,4} ?dial tcp",
    ),
    rule("crash", "eof", pattern=r"reading (?:llm|llama-server) (?:\w+ )?response: (?:unexpected )?eof"),
    rule(
        "crash",
        "post predict",
        "an unknown error was encountered",
        "an error was encountered while running the model",
        "unexpected server status",
    ),
    rule(
        "crash",
        "forcibly closed",
        "eof",
        "connection reset",
        pattern=r"127\.0\.0\.1:\d+.{0,200}(?:eof|forcibly closed|connection reset)",
    ),
    rule(
        "crash",
        "load failed",
        "error loading",
        "failed to load",
        "unable to load model",
        "unable to load dynamic",
        "failed to decode batch",
        pattern=r"msg=\"?load failed|error loading (?:model|llama)|failed to decode batch"
        r"|(?:unable|failed) to load (?:model|dynamic)",
    ),
    rule("crash", "mlx runner failed", "failed to initialize mlx", "exiting main loop", "exception loading model"),
    rule("crash", "failed to initialize tensor", "model failed to load, this may be"),
    rule("crash", "no suitable llama server", "error starting llama", "error starting the external llama"),
    rule("crash", "gguf_init_from_file", "llama_init_from_model:", "llama_new_context", pattern=r"fail|invalid magic"),
    rule("crash", "mlx:", pattern=r"^mlx: "),
)
_CLIENT = (
    rule("client-abort", "client clos", "client connection closed", "client disconnect", "clientdisconnect"),
    rule("client-abort", "cancel task", "request canceled", "request cancelled", "context canceled", "broken pipe"),
    # vLLM and its kin name the request that nobody waits for any more.
    rule(
        "client-abort",
        "aborted request",
        "aborting request",
        " aborted",
        pattern=r"abort(?:ed|ing) request(?:\(?s\)?)? (?=\S*\d)[\w-]{6,}"
        r"|request(?:\(s\)| (?=\S*\d)[\w-]{6,}(?: was)?) aborted",
    ),
    rule("truncated", "truncating input", "exceed_context_size", "prompt too long", "prompt is too long"),
    rule("truncated", "too large to process", pattern=r"input (?:\(\d+ tokens\) )?is too large to process"),
    rule("truncated", "exceeds maximum context", "input truncated", pattern=r"exceed|truncat"),
    rule("client-abort", "aborterror", " was aborted", pattern=r"(?:operation|request) was aborted(?! due to timeout)"),
    rule("truncated", "truncated = 1", "truncated=true"),
    rule("not-found", "unknown model:", "model_not_found", "invalid model name passed"),
    rule(
        "not-found",
        "not found",
        "try pulling it first",
        "manifest",
        pattern=r"model ['\"\\]+[^'\"]{1,200}['\"\\]+ not found|try pulling it first|model [\w./:-]{1,120} not found"
        r"|manifest.{0,40}(?:does not exist|unknown)|file not found|model not found|page not found",
    ),
)
_STATE = (
    rule("reload", "to become available", "to start responding", "evicting", "model to expire immediately"),
    rule("reload", "starting llama", "starting runner", "starting go runner", "loading model", "will fit in available"),
    rule("reload", "starting mlx runner", "starting ollama engine", "starting ollama runner"),
    rule("reload", "expiring loaded", "needs reload", "unloading"),
    rule("reload", "reloading", pattern=r"msg=\"?reloading|reloading (?:model|runner)"),
    rule("reload", "expiring to unload", "unload completed"),
    rule("cpu-fallback", "compatible gpu libraries", "compatible gpus", pattern=r"compatible=\[\]|no compatible gpus"),
    rule("cpu-fallback", "library=cpu", pattern=r"inference compute.{0,80}library=cpu|offload.{0,40}library=cpu"),
    rule("cpu-fallback", "100% cpu", "no usable gpu", "falling back to cpu", "fall back to cpu", "cpu-only mode"),
    rule("cpu-fallback", "gpu inference disabled", "disabling gpu support", "no gpu detected"),
    rule("cpu-fallback", "no cuda runners detected", "gpu not available", "gpu support may not be enabled"),
    rule(
        "cpu-fallback",
        "without gpu support",
        "non supported hw",
        "to load any model layers",
        "gpu offload support",
        pattern=r"without gpu|non supported|insufficient vram|too little|not compiled",
    ),
    rule("stuck", "stopping...", pattern=r"stopping\.\.\.\s*$"),
    rule("stuck", "not responding", pattern=r"not responding(?! - could not connect)"),
    # A gateway's watch over its own sessions.
    rule("stuck", "stuck session: ", "stalled session: "),
    rule("partial-offload", "cpu/gpu", pattern=r"\d+%/\d+% cpu/gpu"),
)
_ADVICE = (
    rule("warning", "level=warn", "level=error", "got exception", "vram usage didn't recover", "low vram mode"),
    rule("warning", "n_ctx_train", pattern=r"n_ctx_(?:per_)?seq.{0,20}[<>] n_ctx_train"),
    rule("warning", "invalid input batch", "failed to prepare attention", pattern=r"^(?:srv|init|decode)"),
    rule("warning", "inconsistent sequence positions", "forcing full prompt re-processing"),
    rule("warning", "kv cache", "kv slot", "memory slot", pattern=r"(?:failed to|could not) find (?:free space|a \w)"),
    # Said of one library or one card of several: the others may well do.
    rule(
        "warning", "does not support ", pattern=r"does not support (?:tools|thinking|chat|generate|insert|vision|embed)"
    ),
    rule("warning", "recommended max working set size", "no compatible amdgpu", "unable to load cuda"),
    rule("warning", "no nvidia devices detected", "run with libnvidia-ml.so", "closed before connect"),
    rule("warning", "long-running session: ", "lane wait exceeded", "liveness warning: ", "unsupportedparamserror"),
    rule("warning", "failed to fit params", "remains running after unit stopped", "ness probe failed: "),
    rule("warning", "skipping cuda device", "dropping rocm device", "dropping integrated gpu", "no api key passed in"),
    rule(
        "warning",
        "unauthorized",
        "invalid api key",
        "authenticationerror",
        pattern=r"^unauthorized|api key|authenticat",
    ),
    rule("warning", "", pattern=r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?\[(?:warn|error|crit|alert)\] "),
)

RULES: tuple[Rule, ...] = (
    *_NORMAL,
    *MEMORY,
    *GPU,
    *_ENDED,
    *_PANIC,
    *SYSTEM,
    *ENGINES,
    *_DIED,
    *_CLIENT,
    *_STATE,
    *PROXY,
    *_ADVICE,
)
HARMLESS = regex(r"retrying without pipeline parallelism|operation:(?:alloc|fit)\b")
VAGUE = regex(r"fetch failed|connection error\.?$")
