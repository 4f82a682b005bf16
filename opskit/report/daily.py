"""The day as text: worst first, then what changed, then the numbers. Made from history alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from opskit.history.records import Runs, StoredFlip
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.status import Status, worst


class Series(msgspec.Struct, frozen=True):
    """A number worth a line: what it is, the day's mean and extremes, and the mean of the days before."""

    name: str
    unit: str
    values: tuple[float, ...]
    before: tuple[float, ...] = ()


class Day(msgspec.Struct, frozen=True):
    """What history holds of a day; `planned` is how many runs each check should have had."""

    day: date
    host: str
    runs: tuple[Runs, ...]
    planned: dict[str, int]
    flips: tuple[StoredFlip, ...]
    series: tuple[Series, ...] = ()
    notes: tuple[Message, ...] = ()


def daily_text(day: Day, reader: Reader) -> str:
    """Return the report, without a final line end."""
    lines = [reader.read(say("opskit, {host}, {day}", host=day.host, day=day.day.isoformat())), _glance(day, reader)]
    lines += _block(say("Changes of state"), [_flip(flip, reader) for flip in day.flips], reader)
    lines += _block(say("Numbers"), [_series(series, reader) for series in day.series if series.values], reader)
    lines += _block(say("Checks"), _runs(day, reader), reader)
    lines += _block(say("Latest findings"), [reader.read(note) for note in day.notes], reader)
    return "\n".join(lines)


def _glance(day: Day, reader: Reader) -> str:
    if not day.runs:
        return reader.read(say("UNKNOWN: no check ran on this day"))
    state = worst(status for runs in day.runs for status, count in runs.counts.items() if count)
    ran = sum(sum(runs.counts.values()) for runs in day.runs)
    planned = sum(day.planned.values())
    if state is Status.OK and ran >= planned:
        return reader.read(say("All quiet: {ran} runs of {planned} planned, all OK", ran=ran, planned=planned))
    text = say("Worst state {state}; {ran} runs of {planned} planned", state=state.name, ran=ran, planned=planned)
    return reader.read(text)


def _block(title: Message, lines: Sequence[str], reader: Reader) -> list[str]:
    return ["", reader.read(title), *(f"  {line}" for line in lines)] if lines else []


def _flip(flip: StoredFlip, reader: Reader) -> str:
    before = flip.before.name if flip.before else "-"
    return f"{reader.time(flip.at):%H:%M:%S}  {flip.check}  {before} -> {flip.after.name}  {printable(flip.summary)}"


def _series(series: Series, reader: Reader) -> str:
    mean = sum(series.values) / len(series.values)
    text = reader.read(
        say(
            "{name}: mean {mean}{unit}, highest {high}{unit}, {n} values",
            name=series.name,
            mean=f"{mean:.2f}",
            high=f"{max(series.values):.2f}",
            unit=series.unit,
            n=len(series.values),
        )
    )
    if not series.before:
        return text
    usual = sum(series.before) / len(series.before)
    if usual <= 0:
        return text  # nothing deviates from zero by a share
    change = (mean - usual) / usual * 100
    return (
        text
        + "; "
        + reader.read(
            say("7-day mean {usual}{unit}, {change} %", usual=f"{usual:.2f}", unit=series.unit, change=f"{change:+.1f}")
        )
    )


def _runs(day: Day, reader: Reader) -> list[str]:
    lines = []
    by_check = {runs.check: runs for runs in day.runs}
    for check in sorted({*by_check, *day.planned}):
        runs = by_check.get(check)
        ran = sum(runs.counts.values()) if runs else 0
        counts = ", ".join(f"{count} {status.name}" for status, count in runs.counts.items() if count) if runs else ""
        planned = say("{ran} of {planned} runs", ran=ran, planned=day.planned.get(check, ran))
        lines.append(f"{check}: {reader.read(planned)}" + (f": {counts}" if counts else ""))
    return lines
