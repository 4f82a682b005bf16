"""What the pages have in common: templates that escape what they are given, one style, and charts.

Charts are markup on a page and pictures in a mail: many a mail program shows no SVG.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.report.chart import chart
from opskit.report.daily import curve_line
from opskit.report.day import Curve
from opskit.report.picture import picture

_HERE = Path(__file__).parent
_EVERY_H = 4
_SHORT_H = ((1, 6.0), (2, 12.0))
"""Marks so many hours apart where the time is no longer than that."""
_CLOSE = 1 / 48  # of the time: a mark that near to an end would be cut off


class MissingError(Exception):
    """What makes pages is not installed."""

    def __init__(self) -> None:
        self.message = say("the page needs jinja2: pip install 'opskit[report]'")
        super().__init__(str(self.message))


def page(template: str, filled: Mapping[str, Any], reader: Reader) -> str:
    """Return a page in the reader's language. Raises MissingError."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise MissingError from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    style = Markup((_HERE / "page.css").read_text("utf-8").rstrip())  # noqa: S704  # a file of ours
    lang = "zh-Hans" if reader.lang == "zh" else "en"
    return environment.from_string((_HERE / template).read_text("utf-8")).render(
        {**filled, "style": style, "lang": lang}
    )


def drawn(
    curve: Curve, since: float, until: float, reader: Reader, pictures: dict[str, bytes] | None
) -> dict[str, Any]:
    """Return a series as a template takes it; with `pictures` its chart is put there under a name."""
    from markupsafe import Markup

    name, line = reader.read(curve.name), curve_line(curve, reader)
    svg = chart(curve.points, since, until, hours(since, until, reader), name, curve.mean_before, curve.band)
    shown = {"name": name, "svg": "", "cid": "", "line": line}
    if pictures is None:
        return {**shown, "svg": Markup(svg)}  # noqa: S704  # made of numbers
    png = picture(svg)
    if png is None:
        return shown
    cid = f"chart{len(pictures) + 1}"
    pictures[cid] = png
    return {**shown, "cid": cid}


def hours(since: float, until: float, reader: Reader) -> list[tuple[float, str]]:
    """Return the marks of the clock on the wall between two times: a day may have 23 or 25 hours."""
    begin = reader.time(since)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    marks = list[tuple[float, str]]()
    close = (until - since) * _CLOSE
    every = next((step for step, longest in _SHORT_H if until - since <= longest * 3600), _EVERY_H)
    for number in range(0, 49, every):
        at = (midnight + timedelta(hours=number)).replace(tzinfo=begin.tzinfo).timestamp()
        if since + close < at < until - close:
            marks.append((at, f"{number % 24:02}:00"))
    return marks
