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

from opskit.app.clock import epoch, now
from opskit.cli.output import out
from opskit.logs.account import Account, bare_unit
from opskit.logs.host_zone import HostZone
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader

_FORMULA = tuple("=+-@\t＝＋－＠")  # some spreadsheets take the wide ones for the same


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
    begin, end = _window(since, until)
    return Lines(
        paths=paths,
        since=begin,
        until=end,
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


def _window(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """Return the times that the options name. ValueError where nothing can be between them."""
    begin, end = moment(since), moment(until)
    if begin is not None and end is not None and begin >= end:
        raise ValueError(f"--since {since} is not before --until {until}: no line can be between them")
    if since is not None and begin is not None and begin > epoch():
        from opskit.app.window import is_time_of_day

        if is_time_of_day(since):
            raise ValueError(f"--since {since} is still to come today; of another day: 2026-11-22T{since}")
    return begin, end


def moment(text: str | None) -> float | None:
    """Return the time that an option names. ValueError says what is understood."""
    if text is None:
        return None
    from opskit.app.window import before, point

    at = before(text, epoch())
    return point(text, now()) if at is None else at


def code(account: Account) -> int:
    """Return 3 where a file could not be read or had no known format, or lines since the last run are missing."""
    if account.position is not None and not account.coverage.complete:
        return 3
    return 3 if any(file.error or (file.lines and not file.parsed) for file in account.files) else 0


def out_csv(header: Sequence[str], rows: Iterable[Sequence[object]], aside: Iterable[str] = ()) -> None:
    """Print rows for a spreadsheet, which must not take a text of a log for a formula; `aside` goes to stderr."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    out(text.getvalue().removesuffix("\n"))
    sys.stderr.writelines(f"opskit: {line}\n" for line in aside)


def beside_csv(account: Account, reader: Reader) -> list[str]:
    """Return what a spreadsheet has no place for: what could not be read or understood."""
    return [*problems(account, reader), *_unparsed(account, reader)]


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
    lines = _unparsed(account, reader)
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


def _unparsed(account: Account, reader: Reader) -> list[str]:
    if not account.unparsed:
        return []
    text = reader.read(say("{n} lines fit no known format and are not counted", n=account.unparsed))
    return [text, *(f"  {printable(line.path)}: {printable(line.text)}" for line in account.unread)]


def units(account: Account, reader: Reader) -> list[str]:
    """Return in what durations were taken that name no unit: it cannot be told from a number."""
    if bare_unit(account) != "s":
        return []
    text = say("durations that name no unit were taken as seconds; --format gateway-ms takes them as milliseconds")
    return [reader.read(text)]
