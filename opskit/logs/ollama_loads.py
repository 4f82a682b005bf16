"""Loads of models in Ollama's log: when each began, with which model and context, how it ended.

`starting runner` and `llama runner started in N seconds` are of the generations before 0.30 (llm/server.go),
`starting llama-server` and `llama-server started in N seconds` of those since (llm/llama_server.go). Which model it is
stands as the blob in the command line; the context size of old ones in the load request of its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Literal

import msgspec

from opskit.logs import stamp
from opskit.logs.envelope import unwrap
from opskit.model.regex import regex

End = Literal["started", "failed", "abandoned", "open"]
_SIGNS = (b"starting ", b"started in ", b"oad failed", b"aborting load", b"timed out waiting for", b"terminated")
# slog's message, or that of Go's own log, which Ollama had until 0.1.2x.
_SAID = r'(?:msg="?|\.go:\d{1,6}: )'
_BEGIN = regex(_SAID + r'starting (?:llama-server|runner|llama server|llama runner|ollama runner)"?')
_STARTED = regex(_SAID + r"(?:llama-server|llama runner|runner) started in (\d{1,9}(?:\.\d{1,9})?) seconds")
_ABANDONED = regex(r"before (?:llama-server|server) finished loading|to start: context canceled")
_FAILED = regex(_SAID + r"Load failed|timed out waiting for (?:llama|server)|process has terminated")
_MODEL = regex(r"--model (\S{1,400})")
_CONTEXT = regex(r"(?:--ctx-size|--num-ctx|KvSize:|NumCtx:) ?(\d{1,9})")
_PLACES = regex(r"(?:--parallel|Parallel:) ?(\d{1,4})")
_LONGEST = 9600


class Load(msgspec.Struct):
    """A load. `at` in epoch seconds, `took_s` as Ollama says it, `context` in tokens for each place; None where the log
    says nothing.

    `open`: no line tells of its end, so it goes on, or the log was cut, or the server ended. `text` is the line, as it
    stands there.
    """

    at: float
    model: str | None
    context: int | None
    end: End = "open"
    took_s: float | None = None
    line: int = 0
    text: str = ""


def loads(data: bytes, first_line: int, zone: tzinfo, base_at: float | None = None) -> Iterator[Load]:
    """Yield the loads of a log file or a journal, in the order of lines; lines without a time are left out."""
    waiting: Load | None = None
    for number, raw in enumerate(data.split(b"\n"), first_line):
        if not any(sign in raw for sign in _SIGNS) and b'"MESSAGE":[' not in raw.replace(b" ", b"")[:4096]:
            continue
        opened = unwrap(raw.decode("utf-8", "replace"), zone, base_at)
        at = stamp.slog(opened.text) or opened.at
        if at is None:
            continue
        begun = _begun(opened.text, at, number)
        # One runner starts at a time (server/sched.go): a load that is open when the next begins will not be told of.
        if waiting is not None and (begun is not None or _ended(waiting, opened.text)):
            yield waiting
            waiting = None
        waiting = begun or waiting
    if waiting is not None:
        yield waiting


def _begun(text: str, at: float, number: int) -> Load | None:
    if not _BEGIN.search(text):
        return None
    model = _MODEL.search(text)
    name = model[1].rpartition("/")[2].strip('"\\') if model else None
    return Load(at, name, _context(text), line=number, text=text[:_LONGEST])


def _context(text: str) -> int | None:
    """Runners are told the size of all places together, which changes with the number of places as well."""
    context, places = _CONTEXT.search(text), _PLACES.search(text)
    each = int(places[1]) if places else 1
    return int(context[1]) // max(1, each) if context else None


def _ended(load: Load, text: str) -> bool:
    """Note how the open load ended, where the line says so."""
    if told := _STARTED.search(text):
        load.end, load.took_s = "started", float(told[1])
    elif _ABANDONED.search(text):
        load.end = "abandoned"
    elif _FAILED.search(text):
        load.end = "failed"
    return load.end != "open"
