"""Series that are held against their own past, as text and as JSON: how they stand, and what was accepted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from opskit.history.records import Series
from opskit.judge.level import Level
from opskit.judge.usual import Phase, Standing
from opskit.model.message import Message, say
from opskit.model.reader import Reader

_PHASES: dict[Phase, Message] = {
    "learning": say("learning"),
    "usual": say("as usual"),
    "slower": say("slower than usual"),
    "drifting": say("drifting"),
}


class Line(msgspec.Struct, frozen=True):
    """One series; `mean` is that of its last 7 days, `stale` says that no value came for three intervals."""

    check: str
    series: Series
    standing: Standing
    newest: float | None
    mean: float | None
    stale: bool
    levels: tuple[Level, ...]


class Accepted(msgspec.Struct, frozen=True):
    """A level that was accepted just now."""

    check: str
    series: Series
    level: Level


def baselines_text(lines: Sequence[Line], reader: Reader) -> str:
    """Return a paragraph for each series, without a final line end."""
    if not lines:
        return reader.read(say("no series is compared with its past: `opskit check latency` measures the first value"))
    return "\n".join(text for line in lines for text in _paragraph(line, reader))


def accepted_text(done: Sequence[Accepted], check: str, reader: Reader) -> str:
    """Return what was accepted, or that nothing was to be."""
    if not done:
        text = say("{check}: nothing to accept, no series is slower than usual or drifts", check=check)
        return reader.read(text)
    return "\n".join(f"{_name(one.check, one.series)}: {reader.read(_level(one.level, reader))}" for one in done)


def baselines_json(lines: Sequence[Line], reader: Reader) -> dict[str, object]:
    """Return `{"series": [...]}`."""
    return {"series": [_json(line, reader) for line in lines]}


def accepted_json(done: Sequence[Accepted], reader: Reader) -> dict[str, object]:
    """Return `{"accepted": [...]}`."""
    found = [{**_key(one.check, one.series), **_level_json(one.level, reader)} for one in done]
    return {"accepted": found}


def _name(check: str, series: Series) -> str:
    return " ".join([check, series.metric, *(value for _, value in sorted(series.labels.items()))])


def _key(check: str, series: Series) -> dict[str, object]:
    named = {"check": check, "metric": series.metric, "labels": series.labels}
    return {**named, "basis": series.basis, "unit": series.unit}


def _json(line: Line, reader: Reader) -> dict[str, object]:
    usual, event = line.standing.usual, line.standing.event
    return {
        **_key(line.check, line.series),
        "phase": line.standing.phase,
        "stale": line.stale,
        "since": reader.time(event.at).isoformat() if event else None,
        "reason": str(event.reason) if event else None,
        "values": line.series.count,
        "first": reader.time(line.series.first).isoformat(),
        "last": reader.time(line.series.last).isoformat(),
        "newest": line.newest,
        "mean_7d": line.mean,
        "baseline": usual.baseline if usual else None,
        "p90": usual.p90 if usual else None,
        "accepted": [_level_json(level, reader) for level in line.levels],
    }


def _level_json(level: Level, reader: Reader) -> dict[str, object]:
    return {"since": reader.time(level.since).isoformat(), "factor": level.factor, "flat": level.flat}


def _paragraph(line: Line, reader: Reader) -> list[str]:
    series = line.series
    phase = reader.read(_PHASES[line.standing.phase])
    stale = ", " + reader.read(say("stale")) if line.stale else ""
    told = [
        say(
            "{count} values, {first} to {last}",
            count=series.count,
            first=reader.stamp(series.first),
            last=reader.stamp(series.last),
        )
    ]
    if series.basis:
        told.append(say("measured with {basis}", basis=series.basis))
    told += [*_numbers(line), *(_level(level, reader) for level in line.levels)]
    if line.standing.event is not None:
        event = line.standing.event
        told.append(say("since {since}: {reason}", since=reader.stamp(event.at), reason=event.reason))
    return [f"{_name(line.check, series)}: {phase}{stale}", *(f"    {reader.read(text)}" for text in told)]


def _numbers(line: Line) -> list[Message]:
    usual, unit = line.standing.usual, line.series.unit
    if line.newest is None or line.mean is None:
        return []
    newest, mean = f"{line.newest:.3g}{unit}", f"{line.mean:.3g}{unit}"
    if usual is None:
        return [say("the newest is {newest}, the 7-day average {mean}", newest=newest, mean=mean)]
    text = say(
        "the newest is {newest}, the 7-day average {mean} ({percent} %); usual at this time of day {base}, 9 of 10 "
        "below {p90}",
        newest=newest,
        mean=mean,
        percent=f"{(line.newest / line.mean - 1) * 100:+.0f}",
        base=f"{usual.baseline:.3g}{unit}",
        p90=f"{usual.p90:.3g}{unit}",
    )
    return [text]


def _level(level: Level, reader: Reader) -> Message:
    since = reader.stamp(level.since)
    if level.flat is not None:
        return say("accepted: what is older than {since} counts as {flat}", since=since, flat=f"{level.flat:.3g}")
    times = f"{level.factor:.3g}"
    return say("accepted: what is older than {since} counts {times} times", since=since, times=times)
