"""`opskit baseline`: how the alarm for slower answers would have judged a series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from opskit.app.clock import host_zone
from opskit.app.csv_series import Series, series
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.definitions.scalars import duration
from opskit.judge.baseline import Event, Limits, Watch, limits
from opskit.model.message import Message, say
from opskit.model.reader import Reader

_SHOWN = 5
_UNKNOWN = 3


def simulate(options: Options, /, path: Path, interval: str | None, as_json: bool) -> int:
    """Replay a file and print what would have been raised and cleared; 3 where rows cannot be read or none is there."""
    context = plain_context(options)
    found = series(path, host_zone())
    rule = limits(_interval(interval) or found.interval or Limits().interval)
    watch = Watch(rule)
    events = [event for at, value in found.points for event in watch.take(at, value)]
    problems = [*found.problems[:_SHOWN], *([] if found.points else [say("{path}: no values", path=str(path))])]
    if as_json:
        out_json(_json(found, rule, events, problems, context.reader))
    else:
        out("\n".join(_text(found, rule, events, problems, context.reader)))
    return _UNKNOWN if problems else 0


def _interval(text: str | None) -> float | None:
    try:
        return duration(text) if text is not None else None
    except ValueError as error:
        raise click.UsageError(f"--interval {text!r}: {error}") from None


def _text(
    found: Series, rule: Limits, events: Sequence[Event], problems: Sequence[Message], reader: Reader
) -> list[str]:
    lines = [f"{reader.stamp(event.at)}  {event.kind:5}  {reader.read(event.reason)}" for event in events]
    counts = say(
        "{values} values, one every {minutes} minutes, {k} of {n} decide; {raised} raised, {drifts} drifts",
        values=len(found.points),
        minutes=f"{rule.interval / 60:g}",
        k=rule.k,
        n=rule.n,
        raised=sum(event.kind == "RAISE" for event in events),
        drifts=sum(event.kind == "DRIFT" for event in events),
    )
    left_out = say(
        "left out: {failed} rows without a value, {repeated} with the time of another, {bad} that cannot be read",
        failed=found.failed,
        repeated=found.repeated,
        bad=len(found.problems),
    )
    any_left = found.failed or found.repeated or found.problems
    return [*lines, *map(reader.read, problems), *([reader.read(left_out)] if any_left else []), reader.read(counts)]


def _json(
    found: Series, rule: Limits, events: Sequence[Event], problems: Sequence[Message], reader: Reader
) -> dict[str, object]:
    return {
        "events": [
            {"at": reader.time(event.at).isoformat(), "event": event.kind, "reason": str(event.reason)}
            for event in events
        ],
        "values": len(found.points),
        "interval_s": rule.interval,
        "left_out": {"failed": found.failed, "repeated": found.repeated, "unreadable": len(found.problems)},
        "problems": [str(problem) for problem in problems],
    }
