"""A small line chart as SVG: the day's values, the band of usual ones, and the mean of the week before.

Plain shapes with classes, so that the page around it decides on colours, in light and in dark; words stay outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

Point = tuple[float, float]
WIDTH, HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 12, 20
_INNER_W, _INNER_H = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_MOST_POINTS = 640
_TICKS = 4
_LEAST_SPREAD = 0.1


class _Plane(NamedTuple):
    """Where times and values stand in the picture."""

    since: float
    until: float
    low: float
    high: float

    def x(self, at: float) -> float:
        return _LEFT + (at - self.since) / (self.until - self.since) * _INNER_W

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * _INNER_H


def chart(
    points: Sequence[Point],
    since: float,
    until: float,
    hours: Sequence[tuple[float, str]],
    label: str,
    mean: float | None = None,
    band: tuple[float, float] | None = None,
) -> str:
    """Return an `<svg>` of values over the time from `since` to `until`; `hours` are the marks below, `label` its name.

    A gap of more than a tenth of the time is left open: nobody knows what was there.
    """
    values = [value for _, value in points] + ([mean] if mean is not None else []) + list(band or ())
    low, high, step = _scale(min(values), max(values))
    plane = _Plane(since, until, low, high)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="chart" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(label)}</title>",
        *(_band(plane, band) if band is not None else ()),
        *_axes(plane, step, hours),
    ]
    if mean is not None:
        parts.append(f'<path class="mean" d="M{_LEFT} {plane.y(mean):.1f}H{WIDTH - _RIGHT}"/>')
    path = " ".join(
        f"{'M' if fresh else 'L'}{plane.x(at):.1f} {plane.y(value):.1f}"
        for at, value, fresh in _drawn(points, since, until)
    )
    return "".join([*parts, f'<path class="line" d="{path}"/></svg>'])


def _band(plane: _Plane, band: tuple[float, float]) -> Iterator[str]:
    top, bottom = plane.y(band[1]), plane.y(band[0])
    height = max(1.0, bottom - top)
    yield f'<rect class="band" x="{_LEFT}" y="{top:.1f}" width="{_INNER_W}" height="{height:.1f}"/>'


def _axes(plane: _Plane, step: float, hours: Sequence[tuple[float, str]]) -> Iterator[str]:
    for number in range(round((plane.high - plane.low) / step) + 1):
        value = plane.low + number * step
        y = plane.y(value)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    for at, text in hours:
        yield f'<text class="axis" x="{plane.x(at):.1f}" y="{HEIGHT - 5}" text-anchor="middle">{escape(text)}</text>'


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Return ends and step of an axis of round numbers that holds the values.

    It spans a tenth of the highest at least, or what is no change at all would look like one.
    """
    spread = max(high - low, abs(high) * _LEAST_SPREAD) or 1.0
    if high - low < spread:
        middle = (low + high) / 2
        low, high = middle - spread / 2 if low else 0.0, middle + spread / 2
    rough = spread / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    begin = math.floor(low / step) * step
    end = math.ceil(high / step) * step
    return begin, end if end > begin else begin + step, step


def _drawn(points: Sequence[Point], since: float, until: float) -> list[tuple[float, float, bool]]:
    """The points to draw; True where a line begins anew. Of many that fall together the lowest and the highest stay."""
    gap = (until - since) / 10
    drawn, last = list[tuple[float, float, bool]](), -math.inf
    for at, value in _thinned(points, since, until):
        drawn.append((at, value, at - last > gap))
        last = at
    return drawn


def _thinned(points: Sequence[Point], since: float, until: float) -> list[Point]:
    if len(points) <= _MOST_POINTS:
        return list(points)
    width = (until - since) / (_MOST_POINTS / 2)
    slots = dict[int, list[Point]]()
    for point in points:
        slots.setdefault(int((point[0] - since) / width), []).append(point)
    kept = list[Point]()
    for slot in slots.values():
        ends = {min(slot, key=lambda each: each[1]), max(slot, key=lambda each: each[1])}
        kept += sorted(ends)
    return kept
