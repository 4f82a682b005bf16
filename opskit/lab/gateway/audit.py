"""The gateway's log: JSON lines. `request.start` and `request.end` of every chat request, and events of the service.

`opskit.logs.gateway` reads them. Keys and texts of prompts and answers never get in here.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec

from opskit.lab.gateway.config import Level
from opskit.lab.gateway.upstream import Piece
from opskit.lab.part import LogFile, local_now

_LEVELS: dict[Level, int] = {"debug": 0, "info": 1, "warn": 2, "warning": 2, "error": 3}
_TEXT_LIMIT = 500


class Caller(msgspec.Struct):
    """Who asked what: these fields stand in both lines of a request."""

    request_id: str
    client_ip: str
    user_id: str | None
    path: str
    model: str | None = None
    prompt_length: int | None = None


class Outcome:
    """What `request.end` says beyond that."""

    def __init__(self) -> None:
        """The request begins now."""
        self._began = time.monotonic()
        self.status: int | None = None
        self.first_token_ms: int | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.error: str | None = None

    def note(self, piece: Piece) -> None:
        """Take over what a piece of the answer tells."""
        if self.first_token_ms is None and (piece.content or piece.thinking):
            self.first_token_ms = self.elapsed_ms()
        if piece.done:
            self.prompt_tokens, self.completion_tokens = piece.prompt_tokens, piece.completion_tokens

    def elapsed_ms(self) -> int:
        """Milliseconds since the request came."""
        return round((time.monotonic() - self._began) * 1000)

    def fields(self) -> dict[str, object]:
        """The fields of the line."""
        return {
            "status": self.status,
            "response_time_ms": self.elapsed_ms(),
            "first_token_ms": self.first_token_ms,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "error": self.error[:_TEXT_LIMIT] if self.error else None,
        }


class Audit:
    """The open log."""

    def __init__(self, path: Path, level: Level) -> None:
        """Open it; raises ConfigError."""
        self._file = LogFile(path)
        self._level = level

    def reopen(self, path: Path, level: Level) -> None:
        """Go on with other settings, or in a fresh file after a rotation; raises ConfigError."""
        self._file.reopen(path)
        self._level = level

    def start(self, caller: Caller) -> None:
        """A request is known in full; what comes now may take long."""
        self._write("request.start", msgspec.structs.asdict(caller))

    def end(self, caller: Caller, outcome: Outcome) -> None:
        """A request ended, however."""
        self._write("request.end", {**msgspec.structs.asdict(caller), **outcome.fields()})

    def event(self, level: Level, event: str, **fields: object) -> None:
        """Something that is no request; `log_level` is about these lines only."""
        if _LEVELS[level] >= _LEVELS[self._level]:
            self._write(event, {"level": level, **fields})

    def _write(self, event: str, fields: dict[str, object]) -> None:
        record = {"time": local_now().isoformat(timespec="milliseconds"), "event": event, **fields}
        self._file.write(json.dumps(record, ensure_ascii=False))
