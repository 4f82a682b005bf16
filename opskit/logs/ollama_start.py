"""Starts of Ollama's server in its log: one line each, in all of its generations since it logs with levels.

`slog.Info(fmt.Sprintf("Listening on %s (version %s)", ...))` of server/routes.go. A prompt that quotes the line
stands in quotation marks of its own and is escaped, so it does not begin a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from opskit.logs import stamp
from opskit.logs.envelope import unwrap
from opskit.model.regex import regex

_SIGN = b"Listening on "
_LINE = regex(r'^time=\S+ level=INFO source=\S{0,80}routes\.go:\d+ msg="Listening on \S{1,120} \(version ')


def starts(data: bytes, zone: tzinfo, base_at: float | None = None) -> Iterator[float]:
    """Yield the times (epoch seconds) of the starts in a log file or a journal, in the order of lines."""
    for raw in data.split(b"\n"):
        if _SIGN not in raw:
            continue
        opened = unwrap(raw.decode("utf-8", "replace"), zone, base_at)
        if _LINE.match(opened.text):
            at = stamp.slog(opened.text) or opened.at
            if at is not None:
                yield at
