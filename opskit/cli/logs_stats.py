"""`opskit logs stats` and `slow`: how much, how fast, and which requests were not."""

from __future__ import annotations

from typing import Any

from opskit.cli.logs_shared import beside_csv, code, lines_of, out_csv, problems, reading_on, remarks, table, units
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.logs import stats_json
from opskit.logs.account import Span
from opskit.logs.gateway_fields import roles
from opskit.logs.request import Request
from opskit.logs.slow import Slow, SlowQuery
from opskit.logs.slow import slow as slowest
from opskit.logs.stats import Latency, Stats
from opskit.logs.stats import stats as collected
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader


def stats(options: Options, /, as_json: bool = False, as_csv: bool = False, **lines: Any) -> int:
    """Count, measure and print; 3 where a file could not be read or had no known format."""
    context = plain_context(options)
    with reading_on(lines.get("state")) as delivered:
        answer = collected(Span(**lines_of(**lines)))
        if as_json:
            out_json(stats_json.stats_json(answer, context.reader.zone))
        elif as_csv:
            aside = beside_csv(answer.account, context.reader)
            out_csv(("status", "count"), answer.by_status.items(), aside)
        else:
            out(_stats_text(answer, context.reader))
        delivered(answer.account)
    return code(answer.account)


def _stats_text(answer: Stats, reader: Reader) -> str:
    lines = problems(answer.account, reader)
    total = sum(answer.by_status.values())
    rows = [(status, str(number), f"{number / total:.2%}") for status, number in answer.by_status.items()]
    lines += table(rows, "") if rows else [reader.read(say("no request"))]
    lines += _latency_lines(answer, reader) if rows else []
    if answer.per_minute:
        busiest = max(answer.per_minute, key=answer.per_minute.__getitem__)
        mean = total / max(1.0, ((answer.last or 0) - (answer.first or 0)) / 60)
        lines.append(
            reader.read(
                say(
                    "{mean} requests per minute; most {most}, in the minute from {at}",
                    mean=f"{mean:.1f}",
                    most=answer.per_minute[busiest],
                    at=reader.stamp(busiest),
                )
            )
        )
    for begin, end in answer.gaps:
        lines.append(
            reader.read(say("no request from {begin} to {end}", begin=reader.stamp(begin), end=reader.stamp(end)))
        )
    text = say("{lines} lines of {files} files read", lines=answer.account.lines, files=len(answer.account.files))
    if answer.first is not None and answer.last is not None:
        lines.append(
            reader.read(say("from {first} to {last}", first=reader.stamp(answer.first), last=reader.stamp(answer.last)))
        )
    return "\n".join([*lines, *remarks(answer.account, reader), reader.read(text)])


def _latency_lines(answer: Stats, reader: Reader) -> list[str]:
    if answer.latency.field is None:
        return [reader.read(say("the log has no durations"))]
    head = (answer.latency.field, "n", "p50", "p95", "p99", "max")
    rows = [head, *(_measured(name, found) for name, found in {"": answer.latency, **answer.by_class}.items())]
    field = answer.latency.field
    bare = any(role.field == "duration" and role.unit is None for role in roles(field))
    return table(rows, "") + (units(answer.account, reader) if bare else [])


def _measured(name: str, found: Latency) -> tuple[str, ...]:
    return (name, str(found.count), *(_seconds(value) for value in (found.p50, found.p95, found.p99, found.max)))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def slow(options: Options, /, n: int, over: float, as_json: bool = False, as_csv: bool = False, **lines: Any) -> int:
    """Look for the slowest and print them; 3 where a file could not be read or had no known format."""
    context = plain_context(options)
    with reading_on(lines.get("state")) as delivered:
        answer = slowest(SlowQuery(n=n, over_s=over, **lines_of(**lines)))
        if as_json:
            out_json(stats_json.slow_json(answer, context.reader.zone))
        elif as_csv:
            rows = [_told(request, context.reader) for request in answer.slowest]
            header = ("seconds", "at", "status", "client", "method", "path", "request_id")
            out_csv(header, rows, beside_csv(answer.account, context.reader))
        else:
            out(_slow_text(answer, context.reader))
        delivered(answer.account)
    return code(answer.account)


def _told(request: Request, reader: Reader) -> tuple[str, ...]:
    status = "-" if request.status is None else f"{request.status:03d}"
    rest = (request.client, request.method, request.path, request.request_id)
    return (f"{request.duration_s:.3f}", reader.stamp(request.at), status, *(part or "-" for part in rest))


def _slow_text(answer: Slow, reader: Reader) -> str:
    lines = problems(answer.account, reader)
    rows = [[printable(part, 80) for part in _told(request, reader)] for request in answer.slowest]
    lines += table(rows, "") + units(answer.account, reader) if rows else []
    if answer.account.parsed and not answer.timed:
        lines.append(reader.read(say("the log has no durations")))
    text = say(
        "{lines} lines of {files} files read, {timed} with a duration",
        lines=answer.account.lines,
        files=len(answer.account.files),
        timed=answer.timed,
    )
    return "\n".join([*lines, *remarks(answer.account, reader), reader.read(text)])
