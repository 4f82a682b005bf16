"""From a single deviation to one that counts: only while the series as a whole is slower than usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from opskit.judge.baseline import DAY_S, Event, Limits, Usual, Watch, limits
from opskit.model.message import Message, say
from opskit.model.status import Status, worst
from opskit.model.verdict import Item

MEMORY_S = 35 * DAY_S  # as far back as drift looks

Phase = Literal["learning", "usual", "slower", "drifting"]
Series = Sequence[tuple[float, float]]
"""Pairs of time (epoch seconds, rising) and value."""


class Standing(msgspec.Struct, frozen=True):
    """How a series stands after its last value: against what is usual for the next one, and what began it."""

    phase: Phase
    usual: Usual | None
    event: Event | None = None


def limits_of(every: float, floor: float) -> Limits:
    """Return the limits for values every so many seconds, of which one is high by `floor` at least."""
    return msgspec.structs.replace(limits(every), floor=floor)


def unless_usual(item: Item, earlier: Series, rule: Limits) -> Item:
    """Return the item of a deviation with the state that its series calls for.

    Values that are no latencies do not count. An item without a deviation stays as it is.
    """
    sample = item.sample
    if not item.relative or item.status is Status.UNKNOWN or sample is None or sample.value is None:
        return item
    event = standing([*earlier, (sample.at, sample.value)], rule).event
    if event is not None:
        text: Message = say("{text}; slower than usual: {reason}", text=item.text, reason=event.reason)
        return _with(item, worst((Status.WARNING, item.status)), text)
    if item.status is Status.OK:
        return _with(item, Status.OK, item.text)
    return _with(item, Status.OK, say("{text}, which counts only if it lasts", text=item.text))


def _with(item: Item, status: Status, text: Message) -> Item:
    return msgspec.structs.replace(item, status=status, text=text, sustained=True)


def standing(values: Series, rule: Limits) -> Standing:
    """Replay a series, and return how it stands."""
    watch = Watch(rule)
    raised = drifted = None
    last = 0.0
    for at, value in latencies(values):
        last = at
        events = watch.take(at, value)
        raised = next((event for event in events if event.kind == "RAISE"), raised)
        drifted = next((event for event in events if event.kind == "DRIFT"), drifted)
    usual = watch.usual(last)
    if watch.alarm:
        return Standing("slower", usual, raised)
    if watch.drifting:
        return Standing("drifting", usual, drifted)
    return Standing("learning" if usual is None else "usual", usual)


def slow_times(values: Series, rule: Limits) -> list[tuple[float, float | None]]:
    """Replay a series, and return when it was slower than usual or drifted: begin and end, None while it lasts."""
    watch, found = Watch(rule), list[tuple[float, float | None]]()
    begun: float | None = None
    for at, value in latencies(values):
        watch.take(at, value)
        slow = watch.alarm or watch.drifting
        if slow and begun is None:
            begun = at
        elif begun is not None and not slow:
            found.append((begun, at))
            begun = None
    return [*found, (begun, None)] if begun is not None else found


def latencies(values: Series) -> Iterator[tuple[float, float]]:
    """Yield what can be a latency: positive, finite, later than the one before."""
    before = 0.0
    for at, value in values:
        if 0 < value < float("inf") and at > before:
            before = at
            yield at, value
