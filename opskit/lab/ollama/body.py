"""What a runner is asked, and what becomes of the pieces that it answers with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from opskit.lab.ollama.asks import Ask
from opskit.lab.ollama.completion import Done, Piece
from opskit.lab.ollama.runner import Spec
from opskit.lab.ollama.settings import Live

_BOUND = 10  # times the context: the longest answer (openEndedGenerationContextMultiplier in llm/llama_server.go)
_HOT = 8.0  # how much longer a token takes on a throttled card
_THOUGHT_TOKENS = 8  # of a model that cannot think: so many of its tokens pass for it
_PASSED_ON = (
    *("temperature", "top_k", "top_p", "min_p", "seed", "stop"),
    *("repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty"),
)


def runner_body(ask: Ask, messages: Sequence[dict[str, Any]], live: Live, spec: Spec, hot: bool) -> dict[str, Any]:
    """Return the request to the runner; `hot` means that the card is throttled."""
    endless = live.has("runaway") or live.has("endless_thinking")
    delay = live.settings.token_delay_seconds * spec.placement.slowdown * (_HOT if hot else 1.0)
    return {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": _limit(ask, spec.context, live),
        "ignore_eos": endless,
        "token_delay_s": delay,
        "chat_template_kwargs": {"enable_thinking": thinks(ask, live)},
        **{name: ask.options[name] for name in _PASSED_ON if name in ask.options},
    }


def thinks(ask: Ask, live: Live) -> bool:
    """Whether a thought comes before the answer."""
    return live.has("endless_thinking") or (live.settings.thinking and ask.think is not False)


async def sorted_out(pieces: AsyncIterator[Piece | Done], live: Live, ask: Ask) -> AsyncGenerator[Piece | Done, None]:
    """Yield the pieces, thought told from content also where the runner's model has no idea of it."""
    left = _THOUGHT_TOKENS if thinks(ask, live) and live.settings.engine == "llama" else 0
    endless = live.has("endless_thinking")
    async for piece in pieces:
        if isinstance(piece, Piece) and piece.content and (endless or left > 0):
            left -= 1
            yield Piece(thinking=piece.content)
        else:
            yield piece


def _limit(ask: Ask, context: int, live: Live) -> int:
    asked = ask.options.get("num_predict")
    bound = _BOUND * context
    if not isinstance(asked, int) or live.has("runaway") or not 0 <= asked <= bound:
        return bound
    return asked
