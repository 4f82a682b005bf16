"""The log of the model server to events: its access lines, and every line that means more than "ok"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from msgspec.structs import replace

from opskit.logs import gin, stamp
from opskit.logs.classify import meaning
from opskit.logs.envelope import unglued, unwrap
from opskit.logs.event import Event
from opskit.logs.redact import redact
from opskit.logs.request import Request

__all__ = ["Event", "events"]

_TEXT_LIMIT = 2000


def events(data: bytes, first_line: int, zone: tzinfo, base_at: float | None = None) -> Iterator[Event]:
    """Yield the events of a log file, or of `journalctl -o json` or `-o short-iso`, in the order of lines.

    `zone` is the server's: gin writes local time. Lines without a time of their own (llama-server, traces) have that
    of the line before; at the very beginning, that of the first line after them. `base_at` is when the log was
    collected (epoch seconds); it gives syslog stamps their year, and without it they give no time.
    """
    early = list[Event]()
    at: float | None = None
    for number, raw in enumerate(data.split(b"\n"), first_line):
        line = raw.decode("utf-8", "replace")
        for own, event in _events(line, number, zone, base_at):
            known = at is not None
            at = own if own is not None else at
            if not known and at is not None:
                yield from (replace(waiting, at=at) for waiting in early)
                early.clear()
            if event is None:
                continue
            if at is None:
                early.append(event)
            else:
                yield replace(event, at=at)
    yield from early


def _events(line: str, number: int, zone: tzinfo, newest: float | None) -> Iterator[tuple[float | None, Event | None]]:
    """Yield for each piece of a line the time it names and the event it is, if any."""
    opened = unwrap(line, zone, newest)
    for text in unglued(opened.text):
        access = gin.read(text)
        request = gin.request(access, zone) if access else None
        at = _time(text, request, opened.at)
        label = meaning(text, opened.level)
        if request is None and label == "ok":
            yield at, None
        else:
            yield at, Event(at, label, redact(text[:_TEXT_LIMIT]), request, number)


def _time(text: str, request: Request | None, envelope: float | None) -> float | None:
    """Return the time in the text itself, which is when it happened; else that of the envelope."""
    if request is not None:
        return request.at
    own = stamp.slog(text)
    return own if own is not None else envelope
