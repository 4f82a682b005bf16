"""How often Ollama's log tells of trouble within a window: deaths by episode, refusals by request, starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opskit.logs.event import Event
from opskit.model.message import Message, say
from opskit.model.sample import Sample

DEATHS = frozenset({"crash", "panic", "gpu-lost", "gpu-fault", "ram-oom", "vram-oom"})
METRICS = frozenset({"standing_failures", "crashes", "queue_full", "cpu_fallback", "restarts"})
_EPISODE_S = 30.0
"""One death prints a dump of hundreds of lines, and those who waited for it get their errors within seconds."""
_SHOWN = 120


def trouble_samples(recent: Sequence[Event], standing: Sequence[Event], restarts: int, at: float) -> tuple[Sample, ...]:
    """`recent` are the failures of the window, `standing` those of them that no good answer has followed."""
    named = {event.label for event in standing} - {"queue-full", "cpu-fallback"}
    refused = [event for event in recent if event.label == "queue-full"]
    # The server may log a refusal beside the access line of its request.
    lines = sum(event.request is not None for event in refused) or len(refused)
    values = {
        "standing_failures": len(named),
        "crashes": episodes(event.at for event in recent if event.label in DEATHS and event.at is not None),
        "queue_full": lines,
        "cpu_fallback": any(event.label == "cpu-fallback" for event in standing),
        "restarts": restarts,
    }
    return tuple(Sample(name, float(value), at=at, low=0) for name, value in values.items())


def trouble_details(recent: Sequence[Event], standing: Sequence[Event]) -> dict[str, Message]:
    """The line behind each series that counts something: the first of what stands, the newest of what happened."""
    picked: dict[str, Event] = {}
    for event in recent:
        if event.label in DEATHS:
            picked["crashes"] = event
        if event.label == "queue-full":
            picked["queue_full"] = event
    for event in standing:
        metric = "cpu_fallback" if event.label == "cpu-fallback" else "standing_failures"
        if event.label != "queue-full":
            picked.setdefault(metric, event)
    return {
        metric: say("{label}: {line}", label=event.label, line=event.text[:_SHOWN]) for metric, event in picked.items()
    }


def episodes(times: Iterable[float]) -> int:
    """Count groups of times that lie close together; the times rise, as lines in a log do."""
    count, last = 0, float("-inf")
    for time in times:
        count += time - last > _EPISODE_S
        last = time
    return count
