"""Outcomes of checks as a Nagios plugin prints them: one line with perfdata, then long output.

All perfdata stands on line 1 behind the only `|` of the whole output: consumers split what follows differently (Sensu
drops all metrics on a second `|`, Nagios takes every line after one for perfdata). 8 KiB is what Nagios keeps
(include/nagios.h, MAX_PLUGIN_OUTPUT_LENGTH): long output is cut to fit, perfdata never.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opskit.judge.perfdata import Performance, emit
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.sample import Sample
from opskit.model.status import Status, worst
from opskit.model.verdict import Item, Verdict
from opskit.report.check_text import Shown

_ROOM = 8000
_HEADLINE = 400
_TAG = re.compile(r"<(?=[A-Za-z/!])")


def check_nagios(outcomes: Sequence[Shown], reader: Reader) -> str:
    """Return the plugin output, without a final line end."""
    status = worst(verdict.status for _, verdict, _ in outcomes)
    name = outcomes[0][0].id if len(outcomes) == 1 else "opskit"
    perfdata = emit(item for check, verdict, _ in outcomes for item in _performance(check.id, verdict, len(outcomes)))
    headline = _plain(f"{name.upper()} {status.name} - {_headline(outcomes, status, reader)}")
    first = f"{headline} | {perfdata}" if perfdata else headline
    return _fit(first, [_plain(line) for line in _details(outcomes, reader)], reader)


def _headline(outcomes: Sequence[Shown], status: Status, reader: Reader) -> str:
    if len(outcomes) > 1:
        bad = [f"{check.id} {verdict.status.name}" for check, verdict, _ in outcomes if verdict.status is not Status.OK]
        total = reader.read(say("{n} checks", n=len(outcomes)))
        return f"{total}: {', '.join(bad)}" if bad else total
    check, verdict, _ = outcomes[0]
    if status is Status.OK:
        return reader.read(check.summary)
    texts = [reader.read(item.text) for item in verdict.items if item.status is not Status.OK]
    line = "; ".join(texts)
    return line if len(line) <= _HEADLINE else line[: _HEADLINE - 3] + "..."


def _details(outcomes: Sequence[Shown], reader: Reader) -> list[str]:
    lines = []
    for check, verdict, _ in sorted(outcomes, key=lambda shown: -shown[1].status.severity):
        if len(outcomes) > 1:
            lines.append(f"{verdict.status.name}: {check.id}")
        lines += [f"{item.status.name}: {reader.read(item.text)}" for item in verdict.items]
        lines += [reader.read(note) for note in verdict.notes]
    return lines


def _performance(check: str, verdict: Verdict, checks: int) -> list[Performance]:
    judged = {_series(item.sample): item for item in verdict.items if item.sample is not None}
    return [_item(check, sample, judged.get(_series(sample)), checks) for sample in verdict.samples]


def _series(sample: Sample) -> tuple[str, tuple[tuple[str, str], ...]]:
    return sample.metric, tuple(sorted(sample.labels.items()))


def _item(check: str, sample: Sample, item: Item | None, checks: int) -> Performance:
    parts = [check] if checks > 1 else []
    label = "_".join([*parts, sample.metric, *(value for _, value in sorted(sample.labels.items()))])
    # A rule on the deviation holds a percentage against its range, not the value that is printed here.
    thresholds = (item.warn, item.crit) if item and not item.relative else (None, None)
    return Performance(label, sample.value, sample.unit, *thresholds, sample.low, sample.high)


def _plain(line: str) -> str:
    """`|` ends the text and has no escape; `<` may make Icinga Web take the whole output for HTML."""
    return _TAG.sub("&lt;", line.replace("|", "!"))


def _fit(first: str, details: list[str], reader: Reader) -> str:
    lines, room = [first], _ROOM - len(first.encode("utf-8", "replace"))
    for number, line in enumerate(details):
        size = len(line.encode("utf-8", "replace")) + 1
        if room < size + 40:
            lines.append(reader.read(say("... {n} more lines", n=len(details) - number)))
            break
        lines.append(line)
        room -= size
    return "\n".join(lines)
