"""The day as one HTML page: no script, nothing loaded, light and dark, for a phone and for paper.

Everything on it came from logs, files and definitions, and is text: the template escapes what it is given. Only the
charts are markup, made by `chart` from numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.daily import against, cause, certificate_line, glance, notices_lines, run_rows, title, when
from opskit.report.day import Day, DayIncident
from opskit.report.page import drawn, page


def daily_html(day: Day, reader: Reader, pictures: dict[str, bytes] | None = None) -> str:
    """Return the page. Raises page.MissingError.

    With `pictures` the charts are put there as PNG by name, and the page names them as `cid:NAME`, as mail wants it.
    """
    return page("daily.html.j2", _filled(day, reader, pictures), reader)


def _filled(day: Day, reader: Reader, pictures: dict[str, bytes] | None) -> dict[str, Any]:
    return {
        "title": reader.read(title(day)),
        "mood": "ok" if day.quiet else day.status.value,
        "glance": [line.strip() for line in glance(day, reader)],
        "words": {name: reader.read(words) for name, words in _WORDS.items()},
        "incidents": [_incident(each, day, reader) for each in day.incidents],
        "traffic": _traffic(day, reader),
        "curves": [drawn(each, day.since, day.until, reader, pictures) for each in day.curves if each.points],
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
