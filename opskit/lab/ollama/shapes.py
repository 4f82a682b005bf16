"""How an answer looks on each route: NDJSON of the native API, server-sent events of OpenAI's.

Native fields after api/types.go: counts and durations (nanoseconds) are left out where they are zero.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec

from opskit.lab.ollama.asks import Ask
from opskit.lab.ollama.completion import Done, Piece
from opskit.lab.part import local_now

_KINDS = {400: "invalid_request_error", 404: "not_found_error"}


class Spent(msgspec.Struct, frozen=True):
    """Nanoseconds since the request came, and until its runner was there."""

    total: int
    load: int


class Chat:
    """`/api/chat`. The other routes have the same methods."""

    media_type = b"application/x-ndjson"

    def __init__(self, ask: Ask) -> None:
        """The answer to one request."""
        self._model = ask.model

    def piece(self, piece: Piece) -> bytes:
        """A line with a part of the message."""
        return _line({**self._head(), **self._said(piece), "done": False})

    def end(self, done: Done, spent: Spent) -> bytes:
        """A line with an empty message and the numbers."""
        return _line(self.whole(Piece(), done, spent))

    def whole(self, text: Piece, done: Done, spent: Spent) -> dict[str, Any]:
        """One object with all of it."""
        return {**self._head(), **self._said(text), "done": True, "done_reason": done.reason, **_metrics(done, spent)}

    def failure(self, message: str) -> bytes:
        """A last line that has nothing but the error: the status was sent long ago."""
        return _line({"error": message})

    @staticmethod
    def error(_status: int, message: str) -> dict[str, Any]:
        """The bare text."""
        return {"error": message}

    def _said(self, piece: Piece) -> dict[str, Any]:
        thinking = {"thinking": piece.thinking} if piece.thinking else {}
        return {"message": {"role": "assistant", "content": piece.content, **thinking}}

    def _head(self) -> dict[str, Any]:
        return {"model": self._model, "created_at": local_now().astimezone(UTC).isoformat().replace("+00:00", "Z")}


class Generate(Chat):
    """`/api/generate`: the same with the text at the top."""

    def _said(self, piece: Piece) -> dict[str, Any]:
        return {"response": piece.content, **({"thinking": piece.thinking} if piece.thinking else {})}


class OpenAI:
    """`/v1/chat/completions`."""

    media_type = b"text/event-stream"

    def __init__(self, ask: Ask) -> None:
        """The answer to one request."""
        now = local_now()
        self._include_usage = ask.include_usage
        self._head = {"id": f"chatcmpl-{now.microsecond % 1000}", "created": int(now.timestamp()), "model": ask.model}
        self._head |= {"system_fingerprint": "fp_ollama"}

    def piece(self, piece: Piece) -> bytes:
        """An event with a delta."""
        return self._event(self._chunk(_openai_message(piece)))

    def end(self, done: Done, _spent: Spent) -> bytes:
        """The reason to stop, the usage if it was asked for, and the mark of the end."""
        chunk = self._chunk({"role": "assistant", "content": ""}, done.reason)
        usage = self._event({**self._chunk({}), "choices": [], "usage": _usage(done)}) if self._include_usage else b""
        return self._event(chunk) + usage + b"data: [DONE]\n\n"

    def whole(self, text: Piece, done: Done, _spent: Spent) -> dict[str, Any]:
        """One object with all of it."""
        choice = {"index": 0, "message": _openai_message(text), "finish_reason": done.reason}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(done)}

    def failure(self, message: str) -> bytes:
        """An event that has nothing but the error."""
        return self._event(self.error(500, message))

    @staticmethod
    def error(status: int, message: str) -> dict[str, Any]:
        """The text in an envelope."""
        kind = _KINDS.get(status, "api_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _event(self, value: dict[str, Any]) -> bytes:
        return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _openai_message(piece: Piece) -> dict[str, str]:
    reasoning = {"reasoning": piece.thinking} if piece.thinking else {}
    return {"role": "assistant", "content": piece.content, **reasoning}


def _usage(done: Done) -> dict[str, int]:
    counts = {"prompt_tokens": done.prompt_count, "completion_tokens": done.count}
    return {**counts, "total_tokens": done.prompt_count + done.count}


def _metrics(done: Done, spent: Spent) -> dict[str, int]:
    values = {
        "total_duration": spent.total,
        "load_duration": spent.load,
        "prompt_eval_count": done.prompt_count,
        "prompt_eval_duration": done.prompt_duration,
        "eval_count": done.count,
        "eval_duration": done.duration,
    }
    only_loaded = done.reason in {"load", "unload"}
    return {} if only_loaded else {name: value for name, value in values.items() if value}


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
