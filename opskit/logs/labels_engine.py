"""What engines say of a batch or of themselves: llama.cpp's server where it cannot decode, vLLM where it ended.

llama.cpp: `llama_decode` returns 1 where the context has no room left, -1 for a bad batch and less where the backend
failed (tools/server, update_slots). vLLM: vllm/v1/engine and vllm/v1/executor.
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule

ENGINES: tuple[Rule, ...] = (
    rule("truncated", "failed to decode the batch", pattern=r"kv cache is full|, ret = 1$"),
    # In the words of OpenAI, which vLLM and many gateways keep.
    rule("truncated", "maximum context length is", pattern=r"maximum context length is \d"),
    rule("warning", "failed to decode", "compute error", pattern=r"\bret = -?\d+$"),
    rule("crash", "enginecore failed", "enginecore encountered", "engine core init", "enginedeaderror"),
    rule("crash", "workerproc initialization failed", "died unexpectedly, shutting down"),
    rule("stuck", "collective operation timeout"),
    # A hosted model's server, in the error codes of its API.
    rule("queue-full", "server_is_overloaded", "overloaded_error"),
    # llama-swap waits for the servers that it started.
    rule("crash", "process exited but not statestopping"),
)
