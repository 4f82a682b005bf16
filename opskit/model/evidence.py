"""Where a fact was read: what an operator would open to see it with their own eyes."""

from __future__ import annotations

import msgspec


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a log or a field of an answer.

    `source` is a path, a URL or a command; `line` counts from 1; `field` names a member of a structured answer;
    `text` is an excerpt with secrets removed; `at` is in seconds since the epoch.
    """

    source: str
    text: str = ""
    line: int | None = None
    field: str | None = None
    at: float | None = None

    @property
    def where(self) -> str:
        """`path:line`, or `source field`."""
        if self.line is not None:
            return f"{self.source}:{self.line}"
        return f"{self.source} {self.field}" if self.field else self.source
