"""What the questions to logs have in common: the lines they are about, tables, and the account of the reading."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import TypedDict

import click

from opskit.app.clock import HostZone, epoch, now
from opskit.cli.output import out
from opskit.logs.account import Account
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader

_FORMULA = tuple("=+-@\t")


class Lines(TypedDict):
    """The fields of `reading.Span`."""

    paths: tuple[Path | str, ...]
    since: float | None
    until: float | None
    format: str
    show_unparsed: int
    state: Path | None
    zone: tzinfo


def lines_of(
    paths: tuple[Path, ...],
    since: str | None,
    until: str | None,
    format_name: str,
    show_unparsed: int,
    state: Path | None = None,
) -> Lines:
    """Return the lines that the options name. ValueError says what is understood."""
    return Lines(
        paths=paths,
        since=moment(since),
        until=moment(until),
        format=format_name,
        show_unparsed=show_unparsed,
        state=state,
        zone=HostZone(),
    )


@contextmanager
def reading_on(state: Path | None) -> Iterator[Callable[[Account], None]]:
    """Give what ends a run that remembers how far it came; with no `state` it does nothing.

    The position is saved when the answer is out, so that lines whose report was lost come again. LogError where
    another run is at it or the position cannot be saved; ValueError becomes a mistake on the command line.
    """
    try:
        if state is None:
            yield lambda _: None
            return
        from opskit.logs import resume

        def delivered(account: Account) -> None:
            sys.stdout.flush()
            resume.save(state, account.position)

        with resume.lock(state):
            yield delivered
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def moment(text: str | None) -> float | None:
    """Return the time that an option names. ValueError says what is understood."""
    if not text:
        return None
    from opskit.app.window import before, point

    at = before(text, epoch())
    return point(text, now()) if at is None else at


def code(account: Account) -> int:
    """Return 3 where a file could not be read or had no known format, or lines since the last run are missing."""
    if account.position is not None and not account.coverage.complete:
        return 3
    return 3 if any(file.error or (file.lines and not file.parsed) for file in account.files) else 0


def out_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for a spreadsheet, which must not take a text of a log for a formula."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    out(text.getvalue().removesuffix("\n"))


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    clean = printable(value)
    return "'" + clean if clean.startswith(_FORMULA) and clean != "-" else clean


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return rows as lines with aligned columns; numbers of the first column to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = list[str]()
    for row in rows:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells[0] = cells[0].strip().rjust(widths[0]) if row[0].isdigit() else cells[0]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def _width(cell: str) -> int:
    if cell.isascii():
        return len(cell)
    from wcwidth import wcswidth  # takes longer to load than a small log to read

    return max(0, wcswidth(cell))


def problems(account: Account, reader: Reader) -> list[str]:
    """Return what could not be read, or not as far back as was asked."""
    return [reader.read(reason) for reason in account.coverage.why]


def remarks(account: Account, reader: Reader) -> list[str]:
    """Return what is to be known of the reading: formats, lines that fit none, lines not read in full."""
    lines = list[str]()
    if account.unparsed:
        lines.append(reader.read(say("{n} lines fit no known format and are not counted", n=account.unparsed)))
        lines += [f"  {printable(line.path)}: {printable(line.text)}" for line in account.unread]
    formats = sorted({file.format for file in account.files if file.format})
    if formats:
        lines.append(reader.read(say("format: {names}", names=", ".join(formats))))
    if account.examined < account.lines:
        text = say(
            "{n} lines with the outline of the format and none of the statuses were not read further",
            n=account.lines - account.examined,
        )
        lines.append(reader.read(text))
    return lines
