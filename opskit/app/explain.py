"""What a check's thresholds would have done with the days that the history remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from opskit.app.baselines import compared
from opskit.app.past import values_of
from opskit.history.store import Store
from opskit.judge.evaluate import evaluate
from opskit.judge.hysteresis import held
from opskit.judge.settle import settle
from opskit.judge.threshold import hold_against
from opskit.judge.usual import MEMORY_S, limits_of, slow_times
from opskit.model.check import Check, Rule
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.report.explain_text import Alert, Explained, Values

_DAY_S = 86_400.0
_BAD = frozenset({Status.WARNING, Status.CRITICAL})


def explained(check: Check, store: Store, now: float, days: int = 7) -> Explained:
    """Return what is known of a check, and judge its samples of the last days again. Raises HistoryError.

    Series that are held against their own past are replayed from before those days; a rule about each single deviation
    is left out, because it rests on what was known then. What could not be measured left no sample, so the runs that
    ended UNKNOWN are not judged again.
    """
    latest = next((each.verdict for each in store.latest() if each.state.check == check.id), None)
    runs = store.recorded(check.id, now - days * _DAY_S, now)
    rules = tuple(rule for rule in check.rules if rule.deviation is None)
    values = tuple(_values(rule, runs) for rule in rules)
    judged = replace(check, rules=tuple(replace(rule, optional=True) for rule in rules))
    alerts = [*(_alerts(judged, runs) if rules else ()), *_slow(check, store, now, days)]
    alerts.sort(key=lambda alert: alert.at)
    return Explained(check, latest, days, len(runs), values, tuple(alerts))


def _slow(check: Check, store: Store, now: float, days: int) -> Iterator[Alert]:
    """Yield when a series was slower than usual, which counts at once."""
    since = now - days * _DAY_S
    for series, deviation in compared(store, check):
        values = values_of(store, check.id, series, now - MEMORY_S, now + 1)
        name = " ".join([series.metric, *(label for _, label in sorted(series.labels.items()))])
        for begin, end in slow_times(values, limits_of(check.every, deviation.floor)):
            if end is None or end > since:
                yield Alert(max(begin, since), end, Status.WARNING, name)


def _values(rule: Rule, runs: Mapping[float, list[Sample]]) -> Values:
    found = [sample for samples in runs.values() for sample in samples if sample.metric == rule.metric]
    numbers = [sample.value for sample in found if sample.value is not None]
    outside = sum(hold_against(rule, number, found[0].unit)[0] is not Status.OK for number in numbers)
    unit = found[0].unit if found else ""
    return Values(rule, unit, len(numbers), min(numbers, default=None), max(numbers, default=None), outside)


def _alerts(check: Check, runs: Mapping[float, list[Sample]]) -> Iterator[Alert]:
    state: State | None = None
    alert: Alert | None = None
    verdict: Verdict | None = None
    for at, samples in runs.items():
        verdict = held(check, evaluate(check, Reading(samples=tuple(samples)), at), verdict)
        state, _ = settle(check, state, verdict, "")
        if state.hard not in _BAD:
            if alert is not None:
                yield replace(alert, until=at)
            alert = None
        elif alert is None or state.hard.severity > alert.status.severity:
            alert = Alert(alert.at if alert else at, None, state.hard)
    if alert is not None:
        yield alert
