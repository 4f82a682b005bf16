"""What the scripted engine says: fixed sentences, chosen by the question, so that the same question has one answer."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

_WORDS = re.compile(r"[A-Za-z0-9_']+|[^\sA-Za-z0-9_']")  # about one token each, also in Chinese
_PIECES = re.compile(r"\s*[A-Za-z0-9_']+|\s*[^\sA-Za-z0-9_']")
_QUOTED_WORDS = 8
_TEMPLATE = 12  # tokens that the chat template adds
_SENTENCES = (
    " The short answer is yes, and the long answer depends on how much memory the card has.",
    " A queue forms when requests arrive faster than the model can finish them.",
    " 先看日志，再看显卡，最后看网络。",
    " Tokens leave one after the other, so the first one matters most to the person who waits.",
    " Nothing here was measured; it is a practice stack, and it says the same thing every time.",
    " If in doubt, ask the slots of the runner whether they still make progress.",
    " 模型已经加载，回答按顺序生成。",
)
_REASONING = (
    "The user wants an answer. First I recall what was asked, then I check what follows from it, and then I say it."
)


def text_of(messages: Sequence[Any]) -> str:
    """All that was said, in one text."""
    return "\n".join(str(message.get("content") or "") for message in messages if isinstance(message, dict))


def count(text: str) -> int:
    """Return how many tokens a text is."""
    return len(_WORDS.findall(text))


def prompt_tokens(messages: Sequence[Any]) -> int:
    """Return how many tokens a conversation is, the template's own included."""
    return count(text_of(messages)) + _TEMPLATE + 4 * len(messages)


def reasoning() -> list[str]:
    """The tokens of a thought."""
    return _PIECES.findall(_REASONING)


def answer(messages: Sequence[Any]) -> list[str]:
    """The tokens of the answer to a conversation: 25 to 120 of them."""
    question = text_of(messages[-1:])
    chance = zlib.crc32(text_of(messages).encode("utf-8", "replace"))
    quoted = " ".join(question.split()[:_QUOTED_WORDS])[:200]
    chosen = [_SENTENCES[(chance + number) % len(_SENTENCES)] for number in range(2 + chance % 4)]
    return _PIECES.findall(f"You asked: {quoted}." + "".join(chosen))


def endless(tokens: Sequence[str]) -> Iterator[str]:
    """The same tokens over and over, as a model that found no end."""
    return cycle(tokens)
