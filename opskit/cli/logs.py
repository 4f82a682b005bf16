"""`opskit logs`: questions to logs, answered from exact fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from opskit.app.clock import now
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.logs.formats import FORMATS
from opskit.logs.reading import Account
from opskit.logs.top import Query, Top, count
from opskit.logs.top_json import as_json
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader


def top(
    options: Options,
    paths: tuple[Path, ...],
    statuses: str,
    by: str,
    n: int,
    since: str | None,
    until: str | None,
    format_name: str,
    show_unparsed: int,
    as_json: bool,
) -> int:
    """Count and print; 3 where a file could not be read or had no known format, whatever else was counted."""
    context = plain_context(options)
    try:
        query = Query(
            paths=paths,
            statuses=tuple(int(word) if word.isdigit() else word for word in _words(statuses)),
            by=_words(by),
            n=n,
            since=moment(since),
            until=moment(until),
            format=format_name,
            show_unparsed=show_unparsed,
        )
        answer = count(query)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        out_json(_as_json(answer, context.reader))
    else:
        out(_text(answer, context.reader))
    return 3 if any(file.error or (file.lines and not file.parsed) for file in answer.account.files) else 0


def moment(text: str | None) -> float | None:
    """Return the time that an option names. ValueError says what is understood."""
    if not text:
        return None
    from opskit.app.window import point

    return point(text, now())


def formats(options: Options) -> int:
    """List names and what they stand for."""
    context = plain_context(options)
    out("\n".join(table([(name, context.reader.read(item.says)) for name, item in FORMATS.items()], "")))
    return 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _as_json(answer: Top, reader: Reader) -> dict[str, object]:
    return as_json(answer, reader.zone)


def _text(answer: Top, reader: Reader) -> str:
    lines = problems(answer.account, reader)
    unread = bool(lines) and not answer.account.parsed
    for status, rows in answer.top.items() if not unread else ():
        total = sum(row.count for row in rows)
        lines.append(f"{status}" if rows else f"{status}  " + reader.read(say("none")))
        if rows:
            lines += table([(str(row.count), *(printable(part, 120) for part in row.key)) for row in rows])
            lines.append("  " + reader.read(say("{n} in these rows", n=total)))
    text = say(
        "{lines} lines of {files} files read, {matched} matched",
        lines=answer.account.lines,
        files=len(answer.account.files),
        matched=answer.matched,
    )
    return "\n".join([*lines, *remarks(answer.account, reader), reader.read(text)])


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return rows as lines with aligned columns; numbers of the first column to the right."""
    from wcwidth import wcswidth  # half of the time that a small log takes

    widths = [max(map(wcswidth, column)) for column in zip(*rows, strict=True)]
    lines = list[str]()
    for row in rows:
        cells = [cell + " " * (width - wcswidth(cell)) for cell, width in zip(row, widths, strict=True)]
        cells[0] = cells[0].strip().rjust(widths[0]) if row[0].isdigit() else cells[0]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


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
