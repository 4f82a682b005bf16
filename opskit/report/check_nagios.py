"""Outcomes of checks as a Nagios plugin prints them: one line with perfdata, then long output.

All perfdata stands on line 1 behind the only `|` of the whole output: consumers split what follows differently (Sensu
drops all metrics on a second `|`, Nagios takes every line after one for perfdata). 8 KiB is what Nagios keeps
(include/nagios.h, MAX_PLUGIN_OUTPUT_LENGTH), and it would cut in the middle of a number: so long output is cut to fit
first, then whole items of the perfdata, and a line says how many.
"""

from __future__ import annotations

from collections.abc import Sequence

from opskit.judge.perfdata import Performance, emit
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.regex import regex
from opskit.model.sample import Sample
from opskit.model.status import Status, worst
from opskit.model.verdict import Item, Verdict
from opskit.report.check_details import more_lines, why_lines
from opskit.report.check_text import Shown

_ROOM = 8000
_REMARK = 60  # bytes of a line that says how much was left out
_REMARKS = 4 * _REMARK
_HEADLINE = 400
_TAG = regex(r"<(?=[A-Za-z/!])")


def check_nagios(outcomes: Sequence[Shown], reader: Reader, verbosity: int = 0, room: int = _ROOM) -> str:
    """Return the plugin output, without a final line end, in at most `room` bytes of UTF-8."""
    status = worst(verdict.status for _, verdict, _ in outcomes)
    name = outcomes[0][0].id if len(outcomes) == 1 else "opskit"
    perfdata = emit(item for check, verdict, _ in outcomes for item in performance(check.id, verdict, len(outcomes)))
    said = plain(_short(f"{name.upper()} {status.name} - {headline(outcomes, status, reader)}"))
    kept, dropped = _whole_items(perfdata, room - _REMARKS - _size(said))
    first = f"{said} | {kept}" if kept else said
    remark = [reader.read(say("{n} values do not fit into the perfdata", n=dropped))] if dropped else []
    return _fit(first, [*remark, *(plain(line) for line in details(outcomes, reader, verbosity))], reader, room)


def headline(outcomes: Sequence[Shown], status: Status, reader: Reader) -> str:
    """Return what the checks come to, in one line that is not yet made plain."""
    if len(outcomes) != 1:
        bad = [f"{check.id} {verdict.status.name}" for check, verdict, _ in outcomes if verdict.status is not Status.OK]
        total = reader.read(say("{n} checks", n=len(outcomes)))
        return f"{total}: {', '.join(bad)}" if bad else total
    check, verdict, _ = outcomes[0]
    if status is Status.OK:
        return reader.read(check.summary)
    texts = [reader.read(item.text) for item in verdict.items if item.status is not Status.OK]
    return "; ".join(texts)


def _short(line: str) -> str:
    return line if len(line) <= _HEADLINE else line[: _HEADLINE - 3] + "..."


def details(outcomes: Sequence[Shown], reader: Reader, verbosity: int = 0) -> list[str]:
    """Return every item and note, worst check first, and what `-v` adds; not yet made plain."""
    lines = []
    for check, verdict, _ in sorted(outcomes, key=lambda shown: -shown[1].status.severity):
        if len(outcomes) > 1:
            lines.append(f"{verdict.status.name}: {check.id}")
        lines += dict.fromkeys(f"{item.status.name}: {reader.read(item.text)}" for item in verdict.items)
        lines += [reader.read(note) for note in verdict.notes]
        lines += why_lines(check, verdict, reader)
        lines += more_lines(check, verdict, verbosity, reader)
    return lines


def performance(check: str, verdict: Verdict, checks: int) -> list[Performance]:
    """Return the samples with their thresholds; of several checks, with the check's id in the label."""
    # Of several rules about a metric the first decides most; the last may be there to be told only. A rule on the
    # deviation holds a percentage against its range, not the value that is printed here.
    ruled = (item for item in reversed(verdict.items) if not item.relative and (item.warn or item.crit))
    judged = {_series(item.sample): item for item in ruled if item.sample is not None}
    return [_item(check, sample, judged.get(_series(sample)), checks) for sample in verdict.samples]


def _series(sample: Sample) -> tuple[str, tuple[tuple[str, str], ...]]:
    return sample.metric, tuple(sorted(sample.labels.items()))


def _item(check: str, sample: Sample, item: Item | None, checks: int) -> Performance:
    parts = [check] if checks > 1 else []
    label = "_".join([*parts, sample.metric, *(value for _, value in sorted(sample.labels.items()))])
    thresholds = (item.warn, item.crit) if item else (sample.warn, sample.crit)
    return Performance(label, sample.value, sample.unit, *thresholds, sample.low, sample.high)


def plain(line: str) -> str:
    """Escape for the terminal and for monitoring systems.

    `|` ends the text and has no escape; `<` may make Icinga Web take the whole output for HTML.
    """
    return _TAG.sub("&lt;", printable(line, _ROOM).replace("|", "!"))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _whole_items(perfdata: str, room: int) -> tuple[str, int]:
    """Return as many items from the start as fit, and how many were left out. Labels are bare: a blank ends an item."""
    if len(perfdata) <= room:
        return perfdata, 0
    end = perfdata.rfind(" ", 0, room + 1)
    kept = perfdata[: max(end, 0)]
    return kept, len(perfdata.split()) - len(kept.split())


def _fit(first: str, details: list[str], reader: Reader, room: int) -> str:
    lines, room = [first], room - _size(first) - _REMARK
    for number, line in enumerate(details):
        size = _size(line) + 1
        if room < size:
            lines.append(reader.read(say("... {n} more lines", n=len(details) - number)))
            break
        lines.append(line)
        room -= size
    return "\n".join(lines)
