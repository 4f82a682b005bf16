"""The day as one HTML page: no script, nothing loaded, light and dark, for a phone and for paper.

Everything on it came from logs, files and definitions, and is text: the template escapes what it is given. Only the
charts are markup, made by `chart` from numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.chart import chart
from opskit.report.daily import (
    against,
    cause,
    certificate_line,
    curve_line,
    glance,
    notices_lines,
    run_rows,
    title,
    when,
)
from opskit.report.day import Curve, Day, DayIncident
from opskit.report.picture import picture

_TEMPLATE = Path(__file__).with_name("daily.html.j2")
_EVERY_H = 4


class MissingError(Exception):
    """What makes the page is not installed."""

    def __init__(self) -> None:
        self.message = say("the page needs jinja2: pip install 'opskit[report]'")
        super().__init__(str(self.message))


def daily_html(day: Day, reader: Reader, pictures: dict[str, bytes] | None = None) -> str:
    """Return the page. Raises MissingError.

    With `pictures` the charts are put there as PNG by name, and the page names them as `cid:NAME`, as mail wants it.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise MissingError from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_TEMPLATE.read_text("utf-8")).render(_filled(day, reader, pictures))


def _filled(day: Day, reader: Reader, pictures: dict[str, bytes] | None) -> dict[str, Any]:
    return {
        "lang": "zh-Hans" if reader.lang == "zh" else "en",
        "title": reader.read(title(day)),
        "mood": "ok" if day.quiet else day.status.value,
        "glance": [line.strip() for line in glance(day, reader)],
        "words": {name: reader.read(words) for name, words in _WORDS.items()},
        "incidents": [_incident(each, day, reader) for each in day.incidents],
        "traffic": _traffic(day, reader),
        "curves": [_curve(each, day, reader, pictures) for each in day.curves if each.points],
        "blocks": list(_blocks(day, reader)),
        "checks": list(run_rows(day, reader)),
        "footer": reader.read(say("made {when} by opskit", when=reader.stamp(day.now))),
    }


_WORDS: dict[str, Message] = {
    "incidents": say("Incidents"),
    "gateway": say("Gateway"),
    "numbers": say("Numbers"),
    "checks": say("Checks"),
}


def _incident(each: DayIncident, day: Day, reader: Reader) -> dict[str, str]:
    return {
        "state": each.status.name,
        "mood": each.status.value,
        "summary": printable(each.summary),
        "when": when(each, day, reader),
        "checks": reader.read(say("checks: {checks}; notices: {n}", checks=", ".join(each.checks), n=each.notices)),
        "cause": cause(each, reader).removeprefix(": "),
    }


def _traffic(day: Day, reader: Reader) -> dict[str, Any] | None:
    traffic = day.traffic
    if traffic is None:
        return None
    change = against(traffic.requests, traffic.usual, reader)
    return {
        "total": reader.read(say("{n} requests{change}", n=traffic.requests, change=change)),
        "rows": [
            {
                "status": each.status,
                "count": each.count,
                "against": against(each.count, each.usual, reader).strip(" ()（）"),
                "top": [(printable(who, 120), count) for who, count in each.top],
            }
            for each in traffic.counts
        ],
        "remarks": [reader.read(remark) for remark in traffic.remarks],
    }


def _curve(curve: Curve, day: Day, reader: Reader, pictures: dict[str, bytes] | None) -> dict[str, Any]:
    from markupsafe import Markup

    name, line = reader.read(curve.name), curve_line(curve, reader)
    svg = chart(curve.points, day.since, day.until, _hours(day, reader), name, curve.mean_before, curve.band)
    if pictures is None:
        return {"name": name, "svg": Markup(svg), "cid": "", "line": line}  # noqa: S704  # made of numbers
    png = picture(svg)
    if png is None:
        return {"name": name, "svg": "", "cid": "", "line": line}
    cid = f"chart{len(pictures) + 1}"
    pictures[cid] = png
    return {"name": name, "svg": "", "cid": cid, "line": line}


def _hours(day: Day, reader: Reader) -> list[tuple[float, str]]:
    """The marks of the clock on the wall: a day may have 23 or 25 hours."""
    begin = reader.time(day.since)
    marks = list[tuple[float, str]]()
    for hour in range(_EVERY_H, 24, _EVERY_H):
        at = (begin.replace(tzinfo=None) + timedelta(hours=hour)).replace(tzinfo=begin.tzinfo).timestamp()
        if day.since < at < day.until:
            marks.append((at, f"{hour:02}:00"))
    return marks


def _blocks(day: Day, reader: Reader) -> Iterator[dict[str, Any]]:
    for head, lines in (
        (say("Certificates"), [certificate_line(each, reader) for each in day.certificates]),
        (say("Notices"), notices_lines(day, reader)),
        (
            say("Changed in the configuration"),
            [f"{reader.stamp(each.at)}  {printable(each.path)}" for each in day.changes],
        ),
        (say("Latest findings"), [reader.read(note) for note in day.notes]),
    ):
        if lines:
            yield {"title": reader.read(head), "lines": lines}
