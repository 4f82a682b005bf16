"""What the history knows of a sample's series: the values to hold it against, and with what those were measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from opskit.history.records import Series
from opskit.history.store import Store
from opskit.judge.evaluate import Earlier
from opskit.judge.level import Level, rebased
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.sample import Sample
from opskit.model.verdict import Verdict

_LEARNED = 50
_WEEK_S = 7 * 86_400.0


def earlier_of(store: Store, check: Check) -> Earlier:
    """Return the earlier values of a check's samples, as they are seen from the levels that were accepted."""
    # Counting the values of every series takes a while in a long history, and all rules of a check want it.
    known = cache(lambda: store.series(check.id))

    def values(sample: Sample, over: float) -> list[tuple[float, float]]:
        counting = _counting(_like(known(), sample), sample.basis)
        return _joined(store, check.id, counting, sample.at - over, sample.at)

    return values


def values_of(store: Store, check: str, series: Series, since: float, until: float) -> list[tuple[float, float]]:
    """Return (at, value) of a series and what counts with it, as seen from the levels that were accepted."""
    return _joined(store, check, _counting(_like(store.series(check), series), series.basis), since, until)


def levels_of(store: Store, check: str, series: Series) -> list[Level]:
    """Return the levels that were accepted for a series and what counts with it, oldest first."""
    return _levels(store, check, _counting(_like(store.series(check), series), series.basis))


def _joined(store: Store, check: str, counting: list[Series], since: float, until: float) -> list[tuple[float, float]]:
    found = list[tuple[float, float]]()
    for one in counting:
        found += store.samples(check, one.metric, since, until, one.labels, one.basis)
    return rebased(sorted(found), _levels(store, check, counting))


def _levels(store: Store, check: str, counting: list[Series]) -> list[Level]:
    return sorted((level for one in counting for level in store.accepted(check, one)), key=lambda level: level.since)


def _counting(same: list[Series], basis: str) -> list[Series]:
    """The series of this basis; what it is not known of was measured the same way as long as only one way is known.

    So a question about the version that failed, or a history of former versions, makes no break.
    """
    based = [series for series in same if series.basis]
    plain = [series for series in same if not series.basis]
    if not basis:
        return [*plain, *based[-1:]]
    own = [series for series in based if series.basis == basis]
    return own if len(based) > len(own) else [*plain, *own]


def _like(known: list[Series], one: Sample | Series) -> list[Series]:
    """Return the series that differ from this one in their basis at most, the newest last."""
    return [series for series in known if (series.metric, series.labels) == (one.metric, one.labels)]


def new_bases(store: Store, check: Check, verdict: Verdict, reader: Reader) -> Iterator[Message]:
    """Yield what changed under a series that is compared with its past, for as long as the new one is being learned."""
    # The last rule is the one whose numbers say most.
    judged = [rule.metric for rule in reversed(check.rules) if rule.deviation is not None]
    told, known = set[tuple[str, str]](), store.series(check.id)
    for sample in sorted(verdict.samples, key=lambda one: judged.index(one.metric) if one.metric in judged else 0):
        if sample.metric not in judged or not sample.basis:
            continue
        same = _like(known, sample)
        others = [one for one in same if one.basis and one.basis != sample.basis]
        own = next((one for one in same if one.basis == sample.basis), None)
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
