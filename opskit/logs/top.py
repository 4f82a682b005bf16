"""Who, what and where of the answers with a given status: the top-N over access logs, counted while streaming."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from opskit.logs import files, sieve
from opskit.logs.formats import FORMATS, Format, detect, find
from opskit.logs.redact import redact
from opskit.logs.request import Request
from opskit.model.message import Message, say

_SAMPLE = 200
_SLACK_S = 60.0  # Nginx may stamp a line well before it writes it, and never after; clocks of file servers differ
_SHOWN = 300
_LONGEST = 16 * _SHOWN  # secrets are taken out before the cut, lest half a key remain
_STATUS = re.compile(r"[0-9]{1,3}|[0-9]xx", re.IGNORECASE)
_FIELDS: dict[str, Callable[[Request], str | None]] = {
    "client": lambda request: request.client,
    "user": lambda request: request.user,
    "path": lambda request: request.path.partition("?")[0] if request.path is not None else None,
    "method": lambda request: request.method,
    "agent": lambda request: request.agent,
    "key": lambda request: request.key,
    "model": lambda request: request.model,
    "host": lambda request: request.host,
    "vhost": lambda request: request.host,
}


class Query(msgspec.Struct, frozen=True):
    """What to count: statuses as numbers or classes (`"5xx"`), grouped `by` these fields, the `n` most frequent.

    `since` is inclusive and `until` exclusive, in epoch seconds, against the time of each line. `format` is what
    `formats.find` knows, or `auto`. `show_unparsed` is how many of the lines that fit no format come along.
    """

    paths: tuple[Path | str, ...]
    statuses: tuple[int | str, ...] | frozenset[int | str] = (401, 429, 500)
    by: tuple[str, ...] = ("client",)
    n: int = 5
    since: float | None = None
    until: float | None = None
    format: str = "auto"
    show_unparsed: int = 0


class FileCount(msgspec.Struct, frozen=True):
    """What was read of one file. `format` is None where no format fits; `error` is one sentence where reading ended."""

    path: str
    format: str | None
    lines: int
    parsed: int
    unparsed: int
    error: Message | None


class Row(msgspec.Struct, frozen=True):
    """One group: its values in the order of `by`, "-" for what the log does not say, and how often it occurred."""

    key: tuple[str, ...]
    count: int


class Unread(msgspec.Struct, frozen=True):
    """A line that fits no format, cut and without secrets."""

    path: str
    text: str


class Top(msgspec.Struct, frozen=True):
    """The answer. `parsed` + `unparsed` = `lines`; `matched` finished in the window with a wanted status."""

    window: tuple[float | None, float | None]
    by: tuple[str, ...]
    files: tuple[FileCount, ...]
    lines: int
    parsed: int
    unparsed: int
    matched: int
    top: dict[str, tuple[Row, ...]]
    unread: tuple[Unread, ...] = ()


def count(query: Query) -> Top:
    """Read the logs, each with its rotated set, once and count. Memory grows with the distinct groups only.

    A file that cannot be read is named in `files` with its error and does not stop the others; a file given twice,
    also under two names, counts once. ValueError names an unknown status, field or format.
    """
    tally = _Tally(query)
    form = None if query.format == "auto" else find(query.format)
    seen = set[tuple[int, int]]()
    done = list[FileCount]()
    for path in _sets(query, done):
        same = files.identity(path)
        if same is None or same not in seen:
            done.append(_read(path, form, tally))
        if same is not None:
            seen.add(same)
    lines = sum(file.lines for file in done)
    parsed = sum(file.parsed for file in done)
    return Top(
        window=(query.since, query.until),
        by=query.by,
        files=tuple(done),
        lines=lines,
        parsed=parsed,
        unparsed=lines - parsed,
        matched=tally.matched,
        top=tally.top(query.n),
        unread=tuple(tally.unread),
    )


def _sets(query: Query, done: list[FileCount]) -> Iterator[Path]:
    """Yield the files that the paths stand for: each log with its rotated members, oldest first.

    A member last written before the window has no line of it, and is not opened. A folder that cannot be listed may
    hide members: it joins what is done with its error, lest a part pass for the whole.
    """
    for named in map(Path, query.paths):
        try:
            found = files.members(named)
        except files.LogError as hidden:
            found = [named]
            if files.identity(named) is not None:  # otherwise the reading says what is wrong
                done.append(FileCount(str(named.parent), None, 0, 0, 0, hidden.message))
        yield from (path for path in found if path != named and _reaches(path, query.since))
        yield named


def _reaches(path: Path, since: float | None) -> bool:
    try:
        return since is None or path.stat().st_mtime >= since - _SLACK_S
    except OSError:
        return True


class _Tally:
    """The counters, and the decision whether a request belongs to them."""

    def __init__(self, query: Query) -> None:
        unknown = [name for name in query.by if name not in _FIELDS]
        if unknown or not query.by:
            raise ValueError(f"by: {', '.join(unknown) or 'nothing'}; known are {', '.join(_FIELDS)}")
        self.asked = sorted({_spelt(status) for status in query.statuses})
        self.statuses = _numbers(self.asked)
        self.candidate = sieve.candidate(self.asked)
        self.since = query.since if query.since is not None else float("-inf")
        self.until = query.until if query.until is not None else float("inf")
        self.fields = [_FIELDS[name] for name in query.by]
        self.counts: dict[int, Counter[tuple[str, ...]]] = {}
        self.matched = 0
        self.unread = list[Unread]()
        self.shown = query.show_unparsed

    def unparsed(self, path: Path | str, line: bytes) -> None:
        """Keep a line that fits no format, if it is asked for."""
        if len(self.unread) < self.shown:
            text = redact(line[:_LONGEST].decode("utf-8", "surrogateescape"))
            self.unread.append(Unread(str(path), text[:_SHOWN]))

    def add(self, request: Request) -> None:
        status = request.status
        if status is None or status not in self.statuses or request.event != "end":
            return
        if self.since <= request.at < self.until:
            key = tuple([field(request) or "-" for field in self.fields])
            self.counts.setdefault(status, Counter())[key] += 1
            self.matched += 1

    def top(self, n: int) -> dict[str, tuple[Row, ...]]:
        names = {int(asked): asked for asked in self.asked if asked.isdigit()}
        names |= {status: f"{status:03d}" for status in self.counts}
        ranked = {name: sorted(self.counts.get(status, {}).items(), key=_rank)[:n] for status, name in names.items()}
        return {name: tuple(Row(key, number) for key, number in ranked[name]) for name in sorted(ranked)}


def _rank(item: tuple[tuple[str, ...], int]) -> tuple[int, tuple[str, ...]]:
    return -item[1], item[0]


def _spelt(status: int | str) -> str:
    text = str(status).lower()
    if not _STATUS.fullmatch(text):
        raise ValueError(f"status: {status}; expected a number such as 429 or a class such as 5xx")
    return text if text.endswith("xx") else f"{int(text):03d}"


def _numbers(asked: list[str]) -> frozenset[int]:
    single = (int(text) for text in asked if text.isdigit())
    classes = (range(int(text[0]) * 100, int(text[0]) * 100 + 100) for text in asked if not text.isdigit())
    return frozenset(chain(single, *classes))


def _read(path: Path | str, form: Format | None, tally: _Tally) -> FileCount:
    lines, parsed = 0, 0
    error: Message | None = None
    try:
        for block in files.blocks(path):
            form = form or _detected(block)
            whole = block if block.endswith(b"\n") else block + b"\n"
            inside = whole.count(b"\n")
            lines += inside
            for line in _unfit(whole, form, tally):
                tally.unparsed(path, line)
                inside -= 1
            parsed += inside
    except files.LogError as stopped:
        error = stopped.message
    if form is None and lines:
        error = error or say("{path}: no known format fits this file", path=str(path))
    return FileCount(str(path), form.name if form else None, lines, parsed, lines - parsed, error)


def _detected(block: bytes) -> Format | None:
    """Guess from the first lines, and from the whole block where those are something else."""
    lines = [line.removesuffix(b"\r") for line in block.split(b"\n")]
    return detect(lines[:_SAMPLE]) or detect(lines[_SAMPLE:])


def _unfit(block: bytes, form: Format | None, tally: _Tally) -> Iterator[bytes]:
    """Count the lines of one block into the tally and yield those that cannot be read."""
    if form is None:
        yield from block[:-1].split(b"\n")
        return
    if form is FORMATS["combined"] and tally.asked:
        sifted = sieve.sift(block, tally.candidate)
    else:
        sifted = iter(block[:-1].split(b"\n"))
    for line in sifted:
        request = form.parse(line.removesuffix(b"\r"))
        if request is None:
            yield line
        else:
            tally.add(request)
