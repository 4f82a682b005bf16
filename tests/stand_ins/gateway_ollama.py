"""The gateway's other half: an OpenAI request as one Ollama `/api/chat` stream, and the stream back as OpenAI answers.

Ollama is always asked to stream, also for a client that wants one answer: only so can "no first byte within 3 s" mean a
stuck model instead of a long answer.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.stand_ins.gateway_rules import RefusedError
from tests.stand_ins.service import Json, reason

BETWEEN_TOKENS_S = 600.0
BUSY = "the model is not responding, please try again later"
FAILED = "the model could not answer, please try again later"


class UpstreamError(RefusedError):
    """Ollama's fault: `message` is the friendly one for the caller, `detail` the one for the audit log."""

    def __init__(self, status: int, message: str, detail: str) -> None:
        """See the class."""
        super().__init__(status, message)
        self.detail = detail


@dataclass
class Piece:
    """One object of the stream: some text, or the end with its counts."""

    content: str
    done: bool = False
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def prompt_length(request: Json) -> int:
    """Characters over all messages; a content in parts counts with its texts."""
    contents = [message.get("content") or "" for message in request.get("messages") or []]
    texts = [c if isinstance(c, str) else "".join(part.get("text", "") for part in c) for c in contents]
    return sum(map(len, texts))


@contextmanager
def ask(ollama: str, request: Json, first_byte_s: float) -> Iterator[Iterator[Piece]]:
    """The pieces of the model's answer; the connection closes with the block, which makes Ollama stop."""
    where = urlsplit(ollama)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=first_byte_s)
    try:
        yield _pieces(connection, request, first_byte_s)
    finally:
        connection.close()


def _pieces(connection: http.client.HTTPConnection, request: Json, first_byte_s: float) -> Iterator[Piece]:
    options = {ours: request[theirs] for theirs, ours in (("max_tokens", "num_predict"),) if theirs in request}
    question = {"model": request.get("model"), "messages": request["messages"], "stream": True, "options": options}
    try:
        connection.connect()
        sock = connection.sock
        connection.request("POST", "/api/chat", json.dumps(question), {"Content-Type": "application/json"})
        response = connection.getresponse()
    except TimeoutError as error:
        raise UpstreamError(503, BUSY, f"ollama: no first byte within {first_byte_s:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamError(503, BUSY, f"ollama: {reason(error)}") from error
    sock.settimeout(BETWEEN_TOKENS_S)
    try:
        yield from _converted(response)
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamError(502, FAILED, f"ollama: stream broke: {reason(error)}") from error


def _converted(response: http.client.HTTPResponse) -> Iterator[Piece]:
    if response.status != 200:
        detail = json.loads(response.read() or b"{}").get("error", "")
        raise UpstreamError(response.status, FAILED, f"ollama: {response.status} {detail}")
    for line in response:
        item: Json = json.loads(line)
        if "error" in item:
            raise UpstreamError(502, FAILED, f"ollama: {item['error']}")
        content = item.get("message", {}).get("content", "")
        if item.get("done"):
            counts = (item.get("prompt_eval_count"), item.get("eval_count"))
            yield Piece(content, True, item.get("done_reason", "stop"), *counts)
            return
        yield Piece(content)
    raise http.client.IncompleteRead(b"")


def whole_answer(answer_id: str, model: str, pieces: list[Piece]) -> Json:
    """An OpenAI `chat.completion`, without Ollama's own fields and timestamps."""
    message = {"role": "assistant", "content": "".join(piece.content for piece in pieces)}
    choice = {"index": 0, "message": message, "finish_reason": pieces[-1].finish_reason}
    head = {"id": answer_id, "object": "chat.completion", "model": model}
    return {**head, "choices": [choice], "usage": usage(pieces[-1])}


def stream_event(answer_id: str, model: str, piece: Piece) -> Json:
    """An OpenAI `chat.completion.chunk`; the last one has the finish reason and the usage."""
    delta = {"content": piece.content} if piece.content or not piece.done else {}
    choice = {"index": 0, "delta": delta, "finish_reason": piece.finish_reason}
    event: Json = {"id": answer_id, "object": "chat.completion.chunk", "model": model, "choices": [choice]}
    return {**event, "usage": usage(piece)} if piece.done else event


def usage(last: Piece) -> Json:
    """OpenAI's `usage`."""
    prompt, completion = last.prompt_tokens or 0, last.completion_tokens or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
