"""`opskit logs`: questions to logs, answered from exact fields."""

from __future__ import annotations

from pathlib import Path

import click
from tabulate import tabulate

from opskit.app.clock import now
from opskit.app.window import point
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.logs.formats import FORMATS
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
    moment = now()
    try:
        query = Query(
            paths=paths,
            statuses=tuple(int(word) if word.isdigit() else word for word in _words(statuses)),
            by=_words(by),
            n=n,
            since=point(since, moment) if since else None,
            until=point(until, moment) if until else None,
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
    return 3 if any(file.error or (file.lines and not file.parsed) for file in answer.files) else 0


def formats(options: Options) -> int:
    """List names and what they stand for."""
    context = plain_context(options)
    rows = [[name, context.reader.read(item.says)] for name, item in FORMATS.items()]
    out(tabulate(rows, tablefmt="plain", disable_numparse=True))
    return 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _as_json(answer: Top, reader: Reader) -> dict[str, object]:
    return as_json(answer, reader.zone)


def _text(answer: Top, reader: Reader) -> str:
    lines = [reader.read(file.error) for file in answer.files if file.error]
    unread = bool(lines) and not answer.parsed
    for status, rows in answer.top.items() if not unread else ():
        total = sum(row.count for row in rows)
        lines.append(f"{status}" if rows else f"{status}  " + reader.read(say("none")))
        table = [[row.count, *(printable(part, 120) for part in row.key)] for row in rows]
        if table:
            lines += [f"  {line}" for line in tabulate(table, tablefmt="plain", disable_numparse=True).splitlines()]
            lines.append("  " + reader.read(say("{n} in these rows", n=total)))
    if answer.unparsed:
        lines.append(reader.read(say("{n} lines fit no known format and are not counted", n=answer.unparsed)))
        lines += [f"  {printable(line.path)}: {printable(line.text)}" for line in answer.unread]
    text = say(
        "{lines} lines of {files} files read, {matched} matched",
        lines=answer.lines,
        files=len(answer.files),
        matched=answer.matched,
    )
    return "\n".join([*lines, reader.read(text)])
