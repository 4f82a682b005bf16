"""The good answers that stand behind a place in Ollama's log: do they clear a failure there? Pure; for `ollama_log`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from opskit.logs.ollama import Event
from opskit.logs.request import Request

_GENERATION = ("/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions", "/v1/responses")
_WHOLE_S = 1.0
_DEATHS = {"crash", "panic", "gpu-lost", "gpu-fault", "ram-oom"}
_ZONED_S = 60.0


class GoodAnswers:
    """What has to be known of them, however many there are."""

    def __init__(self) -> None:
        """None so far."""
        self._any = False
        self._begun = self._last = -math.inf
        self._first = math.inf

    def take(self, answer: Request) -> None:
        """Note one more."""
        self._any = True
        self._begun = max(self._begun, answer.at - (answer.duration_s or 0.0))
        self._last, self._first = max(self._last, answer.at), min(self._first, answer.at)

    def clear(self, failure: Event) -> bool:
        """Whether one of them clears a failure that stands in front of them, but not one that a death cut short.

        That ends in 200 as well, because the status has left already (ollama#10265). Gin's times are whole seconds, and
        carry no zone: where one stands behind the failure and seems older, the order of the lines alone decides.
        """
        if not self._any or failure.at is None or failure.label not in _DEATHS:
            return self._any
        return self._begun > failure.at or self._last > failure.at + 1 or self._first < failure.at - _ZONED_S


def asked_age(events: Iterable[Event], at: float) -> float | None:
    """Return how long ago the newest question ended at least, in seconds; None without one.

    Gin writes its line when a question is over, for one that was given up as well, and in whole seconds.
    """
    ends = [event.at for event in events if event.at and event.request and is_generation(event.request)]
    return round(max(0.0, at - max(ends) - _WHOLE_S), 3) if ends else None


def is_generation(request: Request) -> bool:
    """Whether an answer of the model was asked for."""
    return (request.path or "").startswith(_GENERATION)
