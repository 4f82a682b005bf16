"""OpenAI's side: the request as it comes in, as the question to Ollama, and the answers as they go out.

What Ollama tells beyond OpenAI's fields (where its model lies, when it was created, its durations) stays here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec

from opskit.lab.gateway.config import Config
from opskit.lab.gateway.rules import RefusedError
from opskit.lab.gateway.upstream import Piece

Json = dict[str, Any]

_CONTEXT_SIZES = itertools.cycle((4096, 8192))
_SAME_NAME = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")


class ImageUrl(msgspec.Struct):
    """A picture; only `data:` URLs, nothing is fetched for a caller."""

    url: str = ""


class Part(msgspec.Struct):
    """A piece of a message."""

    type: str = "text"
    text: str = ""
    image_url: ImageUrl | None = None


class ChatMessage(msgspec.Struct):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None

    def text(self) -> str:
        """All of its text."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""

    def images(self) -> list[str]:
        """Its pictures, in base64, as Ollama wants them."""
        parts = self.content if isinstance(self.content, list) else []
        urls = [part.image_url.url for part in parts if part.image_url]
        return [url.partition(",")[2] for url in urls if url.startswith("data:")]


class ChatRequest(msgspec.Struct):
    """The body of a chat request; what is not here is not for Ollama."""

    model: str = ""
    messages: list[ChatMessage] = []
    stream: bool = False
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    think: bool | None = None
    reasoning_effort: str | None = None

    def prompt_length(self) -> int:
        """Characters over all messages."""
        return sum(len(message.text()) for message in self.messages)


def parse(body: bytes) -> ChatRequest:
    """Return the request; raises RefusedError."""
    try:
        return msgspec.json.decode(body, type=ChatRequest)
    except msgspec.ValidationError as error:
        raise RefusedError(400, f"bad request: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, "the body is not valid JSON") from error


def check(request: ChatRequest) -> None:
    """Refuse a request that asks nothing."""
    if not request.model:
        raise RefusedError(400, "model is required")
    if not request.messages:
        raise RefusedError(400, "messages are required")


def question(request: ChatRequest, config: Config) -> Json:
    """Return the body for /api/chat.

    It always asks for a stream: only so can "no first byte within 3 s" mean a stuck model instead of a long answer.
    """
    if "error_500" in config.defects:
        raise KeyError("parameters")
    asked: Json = {"model": request.model, "messages": [_message(each) for each in request.messages], "stream": True}
    if request.think is not None or request.reasoning_effort == "none":
        asked["think"] = bool(request.think)
    options = _options(request, config.max_tokens)
    if "num_ctx_flip" in config.defects:
        options["num_ctx"] = next(_CONTEXT_SIZES)
    return {**asked, "options": options} if options else asked


def _message(message: ChatMessage) -> Json:
    images = message.images()
    said: Json = {"role": message.role, "content": message.text()}
    return {**said, "images": images} if images else said


def _options(request: ChatRequest, default_tokens: int | None) -> Json:
    """Never num_ctx or another option of the runner: Ollama would load the model again for it."""
    options = {name: value for name in _SAME_NAME if (value := getattr(request, name)) is not None}
    tokens = request.max_completion_tokens or request.max_tokens or default_tokens
    if tokens is not None:
        options["num_predict"] = tokens
    if request.stop is not None:
        options["stop"] = [request.stop] if isinstance(request.stop, str) else request.stop
    return options


class Answer:
    """Makes the answers to one request."""

    def __init__(self, request_id: str, model: str) -> None:
        """The model is called as the caller calls it."""
        self._head: Json = {"id": f"chatcmpl-{request_id}", "model": model}
        self._begun = False

    def chunk(self, piece: Piece) -> Json:
        """One `chat.completion.chunk`; the first names the role, the last the reason for the end."""
        delta: Json = {} if self._begun else {"role": "assistant"}
        self._begun = True
        delta |= {} if not piece.thinking else {"reasoning_content": piece.thinking}
        if piece.content or not (piece.done or piece.thinking):
            delta["content"] = piece.content
        return self._chunk([{"index": 0, "delta": delta, "finish_reason": piece.finish_reason}])

    def usage_chunk(self, last: Piece) -> Json:
        """The chunk after the last, with the counts."""
        return {**self._chunk([]), "usage": _usage(last)}

    def whole(self, pieces: Iterable[Piece]) -> Json:
        """The `chat.completion` for a caller who did not ask for a stream."""
        said = list(pieces)
        message: Json = {"role": "assistant", "content": "".join(piece.content for piece in said)}
        thinking = "".join(piece.thinking for piece in said)
        if thinking:
            message["reasoning_content"] = thinking
        choice = {"index": 0, "message": message, "finish_reason": said[-1].finish_reason}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(said[-1])}

    def _chunk(self, choices: list[Json]) -> Json:
        return {**self._head, "object": "chat.completion.chunk", "choices": choices}


def _usage(last: Piece) -> Json:
    prompt, completion = last.prompt_tokens or 0, last.completion_tokens or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def models(tags: Json) -> Json:
    """The list of models, from /api/tags."""
    names = [str(each.get("name", "")) for each in tags.get("models") or []]
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "library"} for name in names]}
