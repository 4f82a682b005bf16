"""Makes a conversation fit the context of a runner: old messages go first, then the beginning of the last one."""

from __future__ import annotations

from typing import Any

import httpx

from opskit.lab.ollama.journal import Journal
from opskit.lab.ollama.runner import Runner

_TEMPLATE_TOKENS = 40  # what the chat template may add


async def fitting(
    messages: list[dict[str, Any]], runner: Runner, client: httpx.AsyncClient, journal: Journal
) -> list[dict[str, Any]]:
    """Return the messages that fit, the last one cut so that half of the context stays free if it alone is too long.

    After chatPrompt in server/prompt.go, which drops messages without a word, and llm/llama_server.go, which says it.
    """
    limit = runner.spec.context - 1
    if sum(len(message["content"]) for message in messages) < limit - _TEMPLATE_TOKENS:
        return messages  # a token is at least a character
    kept, counts = list(messages), [await _count(message["content"], runner, client) for message in messages]
    while len(kept) > 1 and sum(counts) + _TEMPLATE_TOKENS > limit:
        oldest = next((at for at, each in enumerate(kept[:-1]) if each["role"] != "system"), 0)
        del kept[oldest], counts[oldest]
    if counts and counts[-1] + _TEMPLATE_TOKENS > limit:
        new = max(1, runner.spec.context // 2 - _TEMPLATE_TOKENS)
        sizes = {"limit": runner.spec.context // 2, "prompt": counts[-1], "keep": 4, "new": new}
        journal.slog("WARN", "llama_server.go:317", "truncating input prompt", **sizes)
        text = kept[-1]["content"]
        kept[-1] = {**kept[-1], "content": text[-max(1, len(text) * new // counts[-1]) :]}
    return kept


async def _count(text: str, runner: Runner, client: httpx.AsyncClient) -> int:
    """Tokens of a text; none where the runner does not tell, and then it refuses the prompt itself."""
    url = f"http://127.0.0.1:{runner.port}/tokenize"
    try:
        answer = await client.post(url, json={"content": text})
        return len(answer.json()["tokens"])
    except (httpx.HTTPError, ValueError, KeyError):
        return 0
