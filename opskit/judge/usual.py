"""From a single deviation to one that counts: only while the series as a whole is slower than usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from opskit.judge.baseline import DAY_S, Event, Watch, limits
from opskit.model.message import Message, say
from opskit.model.status import Status, worst
from opskit.model.verdict import Item

MEMORY_S = 35 * DAY_S  # as far back as drift looks


def unless_usual(item: Item, earlier: Sequence[tuple[float, float]], every: float) -> Item:
    """Return the item of a deviation with the state that its series calls for.

    `earlier` are pairs of time and value, `every` is their distance in seconds. Values that are no latencies do not
    count. An item without a deviation stays as it is.
    """
    sample = item.sample
    if not item.relative or item.status is Status.UNKNOWN or sample is None or sample.value is None:
        return item
    watch = Watch(limits(every))
    last = _replayed(watch, [*earlier, (sample.at, sample.value)])
    if last is not None:
        text: Message = say("{text}; slower than usual: {reason}", text=item.text, reason=last.reason)
        return _with(item, worst((Status.WARNING, item.status)), text)
    if item.status is Status.OK:
        return _with(item, Status.OK, item.text)
    return _with(item, Status.OK, say("{text}, which counts only if it lasts", text=item.text))


def _with(item: Item, status: Status, text: Message) -> Item:
    return msgspec.structs.replace(item, status=status, text=text, sustained=True)


def _replayed(watch: Watch, values: Iterable[tuple[float, float]]) -> Event | None:
    """Return the event that began what is still going on, None where nothing is."""
    raised = drifted = None
    before = 0.0
    for at, value in values:
        if not (0 < value < float("inf")) or at <= before:
            continue
        before = at
        events = watch.take(at, value)
        raised = next((event for event in events if event.kind == "RAISE"), raised)
        drifted = next((event for event in events if event.kind == "DRIFT"), drifted)
    return raised if watch.alarm else drifted if watch.drifting else None
