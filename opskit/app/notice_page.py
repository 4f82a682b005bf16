"""The page beside the text of a notice: with the numbers of its check over the last day."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec

from opskit.app.context import Context
from opskit.history.store import Store
from opskit.model.check import Check
from opskit.model.text import Text
from opskit.notify.channel import Content
from opskit.report.day import Curve
from opskit.report.notice_html import notice_html
from opskit.report.page import MissingError

_SPAN_S, _WEEK_S = 86_400.0, 7 * 86_400.0
_MOST, _ENOUGH = 2, 5
_UNITS = {"c": " °C", "days": " d"}


def with_page(context: Context, store: Store, content: Content, now: float) -> Content:
    """Return the notice with its page; as it is where nothing is installed that makes one. Raises HistoryError."""
    if "email" not in context.settings.notify.channels:
        return content
    check = context.checks().get(content.check)
    curves = list(_curves(store, check, now)) if check is not None else []
    pictures = dict[str, bytes]()
    try:
        page = notice_html(content.text, content.status, curves, now - _SPAN_S, now, context.reader, pictures)
    except MissingError:
        return content
    encoded = {name: base64.b64encode(picture).decode("ascii") for name, picture in pictures.items()}
    return msgspec.structs.replace(content, page=page, pictures=encoded)


def _curves(store: Store, check: Check, now: float) -> Iterator[Curve]:
    """Yield the series that the check is judged by, those with enough values, two at most."""
    judged = [rule.metric for rule in check.rules]
    newest = {(one.metric, tuple(sorted(one.labels.items()))): one for one in store.series(check.id)}
    found = 0
    for (metric, labels), series in sorted(newest.items(), key=lambda each: _rank(each[0][0], judged)):
        if metric not in judged or found == _MOST:
            continue
        points = tuple(store.samples(check.id, metric, now - _SPAN_S, now + 1, series.labels, series.basis))
        if len({value for _, value in points}) < _ENOUGH:
            continue  # a line that never moves, or that is a switch, says no more than the text
        before = store.samples(check.id, metric, now - _WEEK_S, now - _SPAN_S, series.labels, series.basis)
        mean = sum(value for _, value in before) / len(before) if before else None
        found += 1
        name = " ".join([metric, *(value for _, value in labels)])
        yield Curve(Text(name), _UNITS.get(series.unit, series.unit), points, mean)


def _rank(metric: str, judged: list[str]) -> int:
    return judged.index(metric) if metric in judged else len(judged)
