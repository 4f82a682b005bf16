"""What the history knows of a sample's series: the values to hold it against, and with what those were measured."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.history.store import Series, Store
from opskit.judge.evaluate import Earlier
from opskit.judge.level import rebased
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.sample import Sample
from opskit.model.verdict import Verdict

_LEARNED = 50
_WEEK_S = 7 * 86_400.0


def earlier_of(store: Store, check: Check) -> Earlier:
    """Return the earlier values of a check's samples, as they are seen from the levels that were accepted."""

    def values(sample: Sample, over: float) -> list[tuple[float, float]]:
        found = list[tuple[float, float]]()
        for series in _counting(store, check.id, sample):
            found += values_of(store, check.id, series, sample.at - over, sample.at)
        return sorted(found)

    return values


def values_of(store: Store, check: str, series: Series, since: float, until: float) -> list[tuple[float, float]]:
    """Return (at, value) of a series, as it is seen from the levels that were accepted."""
    found = store.samples(check, series.metric, since, until, series.labels, series.basis)
    return rebased(found, store.accepted(check, series))


def _counting(store: Store, check: str, sample: Sample) -> list[Series]:
    """The sample's own series; where it is not known what was measured with, the newest of the others too."""
    same = _like(store, check, sample)
    own = [series for series in same if series.basis == sample.basis]
    if sample.basis:
        return own
    return [*own, *[series for series in same if series.basis][-1:]]


def _like(store: Store, check: str, sample: Sample) -> list[Series]:
    """Return the series that differ from the sample's in their basis at most, the newest last."""
    return [one for one in store.series(check) if (one.metric, one.labels) == (sample.metric, sample.labels)]


def new_bases(store: Store, check: Check, verdict: Verdict, reader: Reader) -> Iterator[Message]:
    """Yield what changed under a series that is compared with its past, for as long as the new one is being learned."""
    # The last rule is the one whose numbers say most.
    judged = [rule.metric for rule in reversed(check.rules) if rule.deviation is not None]
    told = set[tuple[str, str]]()
    for sample in sorted(verdict.samples, key=lambda one: judged.index(one.metric) if one.metric in judged else 0):
        if sample.metric not in judged or not sample.basis:
            continue
        others = [one for one in _like(store, check.id, sample) if one.basis and one.basis != sample.basis]
        own = next((one for one in _like(store, check.id, sample) if one.basis == sample.basis), None)
        if not others or (own is not None and own.count >= _LEARNED) or (others[-1].basis, sample.basis) in told:
            continue
        told.add((others[-1].basis, sample.basis))
        last = others[-1]
        values = [value for _, value in values_of(store, check.id, last, last.last - _WEEK_S, last.last + 1)]
        yield say(
            "a new baseline since {since}: {basis} (before: {former}, {metric} on average {mean}{unit})",
            since=reader.stamp(own.first if own else sample.at),
            basis=sample.basis,
            former=last.basis,
            metric=sample.metric,
            mean=f"{sum(values) / len(values):.3g}" if values else "?",
            unit=last.unit,
        )
