"""What the history holds, as text and as JSON: of all, and of one check."""

from __future__ import annotations

from typing import Any

import msgspec
from tabulate import tabulate

from opskit.history.records import Kept, Runs, Series, StoredFlip
from opskit.model.ago import ago
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader

_KINDS = {
    "checks": say("checks"),
    "runs": say("runs"),
    "samples": say("samples as measured"),
    "rollups-300": say("samples, means of 5 minutes"),
    "rollups-3600": say("samples, means of an hour"),
    "flips": say("changes of state"),
    "incidents": say("incidents"),
    "notices": say("notices"),
    "triages": say("diagnoses"),
    "accepted": say("accepted levels"),
}


class Overview(msgspec.Struct, frozen=True):
    """The file with its size in bytes, its rows by kind, when each worker was last alive, and how many runs wait."""

    path: str
    size: int
    kept: tuple[Kept, ...]
    workers: dict[str, float]
    waiting: int


class Past(msgspec.Struct, frozen=True):
    """What is kept of one check: changes and runs of a span, and every series."""

    check: str
    since: float
    until: float
    flips: tuple[StoredFlip, ...]
    runs: Runs | None
    series: tuple[Series, ...]


def overview_text(found: Overview, now: float, reader: Reader) -> str:
    """Return the table of kinds, and what else is worth a line."""
    lines = [reader.read(say("History {path}, {size} MB", path=found.path, size=f"{found.size / 1e6:.1f}")), ""]
    rows = [[reader.read(_KINDS[kind.kind]), str(kind.count), *_span(kind, reader)] for kind in found.kept]
    titles = [reader.read(title) for title in (say("KEPT"), say("ROWS"), say("FIRST"), say("LAST"))]
    lines.append(tabulate(rows, titles, tablefmt="plain", disable_numparse=True, colalign=("left", "right")))
    for worker, at in found.workers.items():
        lines += [""] if len(lines) == 3 else []
        text = say("{worker}: last at work {when}, {age}", worker=worker, when=reader.stamp(at), age=ago(now - at))
        lines.append(reader.read(text))
    if found.waiting:
        waiting = say("runs that wait beside it for the next opskit check or opskit run: {n}", n=found.waiting)
        lines += ["", reader.read(waiting)]
    return "\n".join(lines)


def _span(kind: Kept, reader: Reader) -> list[str]:
    return [reader.stamp(kind.first), reader.stamp(kind.last)] if kind.count else ["-", "-"]


def overview_json(found: Overview, reader: Reader) -> dict[str, Any]:
    """Return the same as an object; times are ISO 8601, null without rows."""
    return {
        "path": found.path,
        "bytes": found.size,
        "kept": [
            {
                "kind": kind.kind,
                "count": kind.count,
                "first": reader.time(kind.first).isoformat() if kind.count else None,
                "last": reader.time(kind.last).isoformat() if kind.count else None,
            }
            for kind in found.kept
        ],
        "workers": {name: reader.time(at).isoformat() for name, at in found.workers.items()},
        "waiting": found.waiting,
    }


def past_text(found: Past, reader: Reader) -> str:
    """Return changes, runs and series as blocks."""
    head = say("{check} since {when}", check=found.check, when=reader.stamp(found.since))
    lines = [reader.read(head), reader.read(_ran(found.runs))]
    lines += ["", reader.read(say("Changes of state"))]
    lines += [f"  {_flip(flip, reader)}" for flip in found.flips] or ["  " + reader.read(say("none"))]
    if found.series:
        rows = [[_name(one), str(one.count), reader.stamp(one.first), reader.stamp(one.last)] for one in found.series]
        titles = [reader.read(title) for title in (say("SERIES"), say("VALUES"), say("FIRST"), say("LAST"))]
        lines += ["", tabulate(rows, titles, tablefmt="plain", disable_numparse=True, colalign=("left", "right"))]
    return "\n".join(lines)


def _ran(runs: Runs | None) -> Message:
    if runs is None:
        return say("it did not run in that time")
    counts = ", ".join(f"{count} {status.name}" for status, count in runs.counts.items())
    total = sum(runs.counts.values())
    return say("{n} runs: {counts}; {seconds} s each", n=total, counts=counts, seconds=f"{runs.mean_s:.2f}")


def _flip(flip: StoredFlip, reader: Reader) -> str:
    before = flip.before.name if flip.before else "-"
    change = f"{reader.stamp(flip.at)}  {before} -> {flip.after.name}"
    if flip.incident is None:
        return change
    return f"{change}  " + reader.read(say("incident {id}", id=flip.incident))


def _name(series: Series) -> str:
    words = [series.metric, *(f"{name}={value}" for name, value in series.labels.items())]
    return printable(" ".join([*words, *([f"({series.basis})"] if series.basis else [])]))


def past_json(found: Past, reader: Reader) -> dict[str, Any]:
    """Return the same as an object."""
    return {
        "check": found.check,
        "since": reader.time(found.since).isoformat(),
        "until": reader.time(found.until).isoformat(),
        "runs": {status.value: count for status, count in found.runs.counts.items()} if found.runs else {},
        "flips": [
            {
                "at": reader.time(flip.at).isoformat(),
                "before": flip.before.value if flip.before else None,
                "after": flip.after.value,
                "incident": flip.incident,
            }
            for flip in found.flips
        ],
        "series": [
            {
                "metric": one.metric,
                "labels": one.labels,
                "basis": one.basis or None,
                "unit": one.unit,
                "count": one.count,
                "first": reader.time(one.first).isoformat(),
                "last": reader.time(one.last).isoformat(),
            }
            for one in found.series
        ],
    }
