"""`opskit baseline`: how series stand against their past, a new level accepted, a recorded series judged again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from opskit.app.baselines import accept as accepted
from opskit.app.baselines import baselines
from opskit.app.clock import now
from opskit.app.csv_series import Series, series
from opskit.app.memory import open_memory
from opskit.app.run_checks import select
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json, plain_context
from opskit.definitions.scalars import duration
from opskit.judge.baseline import Event, Limits, Watch, limits
from opskit.logs.host_zone import host_zone
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.report.baseline_text import accepted_json, accepted_text, baselines_json, baselines_text

_SHOWN = 5
_UNKNOWN = 3


def show(options: Options, /, check_id: str | None, as_json: bool) -> int:
    """Print how the series stand that are compared with their past."""
    context = context_of(options)
    checks = select(context.loaded_checks(), (check_id,) if check_id else ())
    with closing(open_memory(context)) as store:
        lines = list(baselines(store, checks, now().timestamp()))
    if as_json:
        out_json(baselines_json(lines, context.reader))
    else:
        out(baselines_text(lines, context.reader))
    return 0


def accept(options: Options, /, check_id: str, metric: str | None, as_json: bool) -> int:
    """Accept the present level of what is slower than usual; 3 where the metric is none that is compared."""
    context = context_of(options)
    (check,) = select(context.loaded_checks(), (check_id,))
    known = sorted({rule.metric for rule in check.rules if rule.deviation is not None and rule.deviation.sustained})
    if metric is not None and metric not in known:
        raise click.UsageError(f"{check_id} compares {', '.join(known) or 'nothing'} with its past, not {metric!r}")
    with closing(open_memory(context)) as store:
        done = list(accepted(store, check, metric, now().timestamp()))
    if as_json:
        out_json(accepted_json(done, context.reader))
    else:
        out(accepted_text(done, check_id, context.reader))
    return 0


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
