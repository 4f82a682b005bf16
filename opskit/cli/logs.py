"""`opskit logs top` and `formats`: who met which statuses, from exact fields."""

from __future__ import annotations

from typing import Any

from opskit.cli.logs_shared import beside_csv, code, lines_of, out_csv, problems, reading_on, remarks, table
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.logs import top_json
from opskit.logs.formats import known
from opskit.logs.top import Query, Top, count
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader


def top(
    options: Options, /, statuses: str, by: str, n: int, as_json: bool = False, as_csv: bool = False, **lines: Any
) -> int:
    """Count and print; 3 where a file could not be read or had no known format, whatever else was counted."""
    context = plain_context(options)
    with reading_on(lines.get("state")) as delivered:
        answer = count(Query(statuses=_words(statuses), by=_words(by.lower()), n=n, **lines_of(**lines)))
        if as_json:
            out_json(top_json.as_json(answer, context.reader.zone))
        elif as_csv:
            rows = [(status, row.count, *row.key) for status, rows in answer.top.items() for row in rows]
            out_csv(("status", "count", *answer.by), rows, beside_csv(answer.account, context.reader))
        else:
            out(_text(answer, context.reader))
        delivered(answer.account)
    return code(answer.account)


def formats(options: Options) -> int:
    """List names and what they stand for."""
    context = plain_context(options)
    out("\n".join(table([(name, context.reader.read(item.says)) for name, item in known().items()], "")))
    return 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


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
    if answer.on_disk:
        lines.append(reader.read(say("more different keys than fit into memory; they were counted on disk, exactly")))
    return "\n".join([*lines, *remarks(answer.account, reader), reader.read(text)])
