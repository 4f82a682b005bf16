"""Which lines a question is about, and the account of what was read for it: the same for all questions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import msgspec

from opskit.logs.spread import Read
from opskit.model.message import Message, say


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: of these files and their rotated sets, `since` inclusive, `until` exclusive, in epoch seconds.

    `format` is what `formats.find` knows, or `auto`. `show_unparsed` is how many of the lines that fit no format come
    along. `zone` is for lines that name none. With `state`, where `read_on` remembers its position, only what came
    since the last run.
    """

    paths: tuple[Path | str, ...]
    since: float | None = None
    until: float | None = None
    format: str = "auto"
    show_unparsed: int = 0
    state: Path | None = None
    zone: tzinfo = UTC


class FileCount(msgspec.Struct, frozen=True):
    """What was read of one file. `format` is None where no format fits; `error` is one sentence where reading ended."""

    path: str
    format: str | None
    lines: int
    parsed: int
    unparsed: int
    error: Message | None


class Unread(msgspec.Struct, frozen=True):
    """A line that fits no format, cut and without secrets."""

    path: str
    text: str


class Coverage(msgspec.Struct, frozen=True):
    """Whether the files hold the whole window. `first` is the time of the oldest line found, in epoch seconds.

    `why` has one sentence for each shortfall. Without `since` there is nothing to fall short of but unreadable files.
    """

    complete: bool
    first: float | None
    why: tuple[Message, ...]


class Account(msgspec.Struct, frozen=True):
    """What was read. `parsed` + `unparsed` = `lines`.

    `examined` lines were read in full; the others have the outline of their format and none of the wanted statuses.
    `position`, a `resume.Position`, is what to save once the answer is delivered, where only the lines since the last
    run were wanted.
    """

    files: tuple[FileCount, ...]
    lines: int
    parsed: int
    unparsed: int
    examined: int
    unread: tuple[Unread, ...]
    coverage: Coverage
    position: Any = None


# Formats in which a program may say how long it took without saying in what.
_UNITLESS = frozenset({"gateway", "logfmt", "journald", "docker", "syslog"})


def bare_unit(account: Account) -> str | None:
    """Return the unit of durations for which neither name nor value gives one; None where there can be none."""
    names = {file.format for file in account.files if file.format}
    return "ms" if any(name.endswith("-ms") for name in names) else "s" if names & _UNITLESS else None


def account(span: Span, counts: Sequence[FileCount], parts: Sequence[Read], coverage: Coverage) -> Account:
    """Return the account of files and what was read of their pieces."""
    unread = [Unread(str(part.path), text) for part in parts for text in part.unread]
    return Account(
        files=tuple(counts),
        lines=sum(count.lines for count in counts),
        parsed=sum(count.parsed for count in counts),
        unparsed=sum(count.unparsed for count in counts),
        examined=sum(part.examined for part in parts),
        unread=tuple(unread[: span.show_unparsed]),
        coverage=coverage,
    )


def counted(path: Path, parts: Sequence[Read], error: Message | None = None) -> FileCount:
    """Return what was read of a file with all its pieces."""
    lines, unparsed = sum(part.lines for part in parts), sum(part.unparsed for part in parts)
    name = next((part.format for part in parts if part.format), None)
    error = error or next((part.error for part in parts if part.error), None)
    if name is None and lines:
        error = error or say("{path}: no known format fits this file", path=str(path))
    return FileCount(str(path), name, lines, lines - unparsed, unparsed, error)
