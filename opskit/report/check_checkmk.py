r"""Outcomes of checks as Checkmk's agent takes them from a local check: one line each, `STATE "name" metrics text`.

The state is the verdict. Levels are for the graphs only and mean something else than with Nagios: `lower:upper`, an
alert from the upper one on; so a range is translated where it can be and left out where not (cmk/base/plugins/
agent_based/local.py). A literal `\n` in the text is a line end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from opskit.judge.perfdata import Performance, decimal, labelled
from opskit.judge.range import Range
from opskit.model.reader import Reader
from opskit.report.check_nagios import details, headline, performance, plain
from opskit.report.check_text import Shown


def check_checkmk(outcomes: Sequence[Shown], reader: Reader) -> str:
    """Return a line for each check, in the order of their ids, without a final line end."""
    return "\n".join(_line(shown, reader) for shown in sorted(outcomes, key=lambda shown: shown[0].id))


def _line(shown: Shown, reader: Reader) -> str:
    check, verdict, _ = shown
    items = labelled(performance(check.id, verdict, 1))
    metrics = "|".join(f"{label}={_metric(item)}" for label, item in items.items())
    texts = [headline([shown], verdict.status, reader), *details([shown], reader)]
    # What a log says may hold a backslash, which must not end a line here.
    said = r"\n".join(plain(text).replace("\\", "/") for text in texts)
    return f'{verdict.status.exit_code} "opskit {check.id}" {metrics or "-"} {said}'


def _metric(item: Performance) -> str:
    fields = [decimal(item.value or 0.0), _levels(item.warn), _levels(item.crit)]
    fields += ["" if limit is None else decimal(limit) for limit in (item.low, item.high)]
    return ";".join(fields).rstrip(";")


def _levels(text: str | None) -> str:
    limits = Range.parse(text, "%") if text is not None else None
    if limits is None or limits.inside or limits.end == math.inf:
        return ""
    lower = "" if limits.start in {-math.inf, 0.0} else f"{decimal(limits.start)}:"
    return lower + decimal(limits.end)
