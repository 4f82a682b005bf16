"""A request for an answer, from the body of `/api/chat`, `/api/generate` or `/v1/chat/completions`."""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeVar

import msgspec

from opskit.lab.ollama.refusal import RefusedError

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_T = TypeVar("_T")


class Ask(msgspec.Struct, kw_only=True):
    """The same for all routes. `keep_alive` is seconds, infinite for ever, None as it is."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool
    options: dict[str, Any]
    keep_alive: float | None = None
    think: bool | None = None
    truncate: bool = True
    include_usage: bool = False

    @property
    def loads_only(self) -> bool:
        """Nothing to answer: the model is loaded, or unloaded."""
        return not self.messages


class _Chat(msgspec.Struct):
    model: str = ""
    messages: list[dict[str, Any]] | None = None
    stream: bool | None = None
    options: dict[str, Any] | None = None
    keep_alive: float | str | None = None
    think: bool | str | None = None
    truncate: bool | None = None


class _Generate(_Chat):
    prompt: str = ""
    system: str = ""


class _Usage(msgspec.Struct):
    include_usage: bool = False


class _OpenAI(msgspec.Struct):
    model: str = ""
    messages: list[dict[str, Any]] | None = None
    stream: bool | None = None
    stream_options: _Usage | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    reasoning_effort: str | None = None


def chat(body: bytes) -> Ask:
    """Read a request to `/api/chat`; it streams unless told not to. Raises RefusedError."""
    given = _read(body, _Chat)
    return _native(given, given.messages or [])


def generate(body: bytes) -> Ask:
    """Read a request to `/api/generate`; it streams unless told not to. Raises RefusedError."""
    given = _read(body, _Generate)
    system = [{"role": "system", "content": given.system}] if given.system else []
    return _native(given, [*system, {"role": "user", "content": given.prompt}] if given.prompt else [])


def openai(body: bytes) -> Ask:
    """Read a request to `/v1/chat/completions`; it streams only when told to. Raises RefusedError."""
    given = _read(body, _OpenAI)
    if not given.messages:
        raise RefusedError(400, "[] is too short - 'messages'")
    stop = [given.stop] if isinstance(given.stop, str) else given.stop
    options = {"temperature": given.temperature, "top_p": given.top_p, "seed": given.seed, "stop": stop}
    options["num_predict"] = given.max_completion_tokens or given.max_tokens
    return Ask(
        model=given.model,
        messages=_plain(given.messages),
        stream=bool(given.stream),
        options={key: value for key, value in options.items() if value is not None},
        think=None if given.reasoning_effort is None else given.reasoning_effort != "none",
        include_usage=given.stream_options is not None and given.stream_options.include_usage,
    )


def keep_alive(value: float | str | None) -> float | None:
    """Return seconds: numbers are seconds, texts Go durations, negative ones for ever. Raises RefusedError."""
    if value is None:
        return None
    seconds = _duration(value) if isinstance(value, str) else float(value)
    return math.inf if seconds < 0 else seconds


def _duration(text: str) -> float:
    bare = text.lstrip("+-")
    parts = _PART.findall(bare)
    if bare != "0" and (not parts or "".join(number + unit for number, unit in parts) != bare):
        numeric = bare.replace(".", "", 1).isdigit()
        wrong = "missing unit in duration" if numeric else "invalid duration"
        raise RefusedError(400, f'time: {wrong} "{text}"')
    return (-1 if text.startswith("-") else 1) * sum(float(number) * _UNITS[unit] for number, unit in parts)


def _native(given: _Chat, messages: list[dict[str, Any]]) -> Ask:
    think = given.think if isinstance(given.think, bool) or given.think is None else True
    return Ask(
        model=given.model,
        messages=_plain(messages),
        stream=given.stream is not False,
        options=given.options or {},
        keep_alive=keep_alive(given.keep_alive),
        think=think,
        truncate=given.truncate is not False,
    )


def _read(body: bytes, kind: type[_T]) -> _T:
    if not body.strip():
        raise RefusedError(400, "missing request body")
    try:
        given = msgspec.convert(json.loads(body), kind)
    except json.JSONDecodeError as error:
        raise RefusedError(400, _syntax(error)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, "invalid character in request body") from error
    except msgspec.ValidationError as error:
        raise RefusedError(400, f"json: cannot unmarshal: {error}") from error
    if not getattr(given, "model", ""):
        raise RefusedError(400, "model is required")
    return given


def _syntax(error: json.JSONDecodeError) -> str:
    """Say it as Go's encoding/json does."""
    found = error.doc[error.pos : error.pos + 1]
    return f"invalid character '{found}' looking for beginning of value" if found else "unexpected EOF"


def _plain(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages with nothing but a role and a text: the parts of a content that are texts, put together."""
    plain = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        plain.append({"role": str(message.get("role") or "user"), "content": str(content or "")})
    return plain
