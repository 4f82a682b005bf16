"""`opskit report daily`: gathers a local day from the history, and the gateway's traffic from its log."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

import msgspec

from opskit.app.context import Context
from opskit.app.day_traffic import traffic_of
from opskit.definitions.loaded import Loaded
from opskit.history.codec import unpacked
from opskit.history.incident import Incident
from opskit.history.store import Store
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.report.day import Certificate, Changed, Curve, Day, DayIncident, Notices
from opskit.report.told import Told

_WEEK_S = 7 * 86_400.0
_SHOWN = (
    ("latency", "total_s", "s", Text("Time of a whole answer", "完整回答的耗时")),
    ("latency", "first_token_s", "s", Text("Time to the first word", "首字时间")),
    ("gpu-memory", "memory_used_pct", "%", Text("GPU memory", "显存占用")),
    ("gpu-temperature", "temperature_c", " °C", Text("GPU temperature", "显卡温度")),
)
_FLIPS_SHOWN = 50
_CERTIFICATE_S = 22 * 86_400.0  # three weekly looks: what was not seen since is not there any more
_ENOUGH = 40


def gather(context: Context, store: Store, day: date, now: datetime) -> Day:
    """Return what is known of a day in the reader's zone; of today, what is known so far. Raises HistoryError."""
    zone = context.reader.zone
    since = datetime.combine(day, time(), tzinfo=zone).timestamp()
    until = min(datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).timestamp(), now.timestamp())
    loaded = context.loaded_checks()
    checks, begun = loaded.good, store.first_runs()
    return Day(
        day=day,
        host=platform.node(),
        since=since,
        until=until,
        now=now.timestamp(),
        runs=tuple(store.runs(since, until)),
        planned={check.id: _planned(check, since, until, begun.get(check.id)) for check in checks.values()},
        incidents=tuple(_told(store, each, until) for each in store.incidents(since, until) if each.members),
        flips=tuple(store.flips(since, until)[-_FLIPS_SHOWN:]),
        traffic=traffic_of(context.settings.stack.gateway.log, since, until),
        curves=tuple(_curves(store, checks, since, until)),
        certificates=tuple(_certificates(store, until)),
        notices=_notices(store, since, until),
        changes=tuple(Changed(path, at) for path, at in store.files_changed(since, until)),
        notes=_notes(store, checks, since, until),
        unwell=tuple(_unwell(store, loaded, until)),
    )


def _unwell(store: Store, loaded: Loaded[Check], until: float) -> Iterator[tuple[str, Status]]:
    """Yield the checks in force of which it is not known that they are well, as their states stand now."""
    states = store.states()
    for name in sorted({*loaded.good, *loaded.broken}):
        state = states.get(name)
        if name in loaded.broken or state is None or state.valid_until < until:
            yield name, Status.UNKNOWN
        elif state.hard is not Status.OK:
            yield name, state.hard


def _planned(check: Check, since: float, until: float, begun: float | None) -> int:
    """How often it should have run; before its very first run nothing was planned."""
    if begun is not None and since < begun < until:
        return int((until - begun) // check.every) + 1
    return int(max(0.0, until - since) // check.every)


def _told(store: Store, each: Incident, until: float) -> DayIncident:
    closed = each.closed_at if each.closed_at is not None and each.closed_at < until else None
    code, cause = _cause(store, each)
    checks = tuple(member.check for member in each.members)
    summary = each.members[0].summary
    return DayIncident(each.id, each.worst, summary, checks, each.opened_at, closed, code, cause, each.said.count)


def _cause(store: Store, each: Incident) -> tuple[str | None, Text | None]:
    kept = store.triage(each.triage) if each.triage is not None else None
    if kept is None or kept.code is None:
        return None, None
    try:
        finding = unpacked(kept.told, Told).diagnosis.finding
    except (ValueError, msgspec.ValidationError):
        finding = None  # an older version's: the code says enough
    return kept.code, finding.cause.summary if finding else None


def _curves(store: Store, checks: Mapping[str, Check], since: float, until: float) -> Iterator[Curve]:
    """Yield the series that are shown, one for each card; of several bases of comparison the newest."""
    for check, metric, unit, name in _SHOWN:
        if check not in checks:
            continue
        newest = {tuple(sorted(one.labels.items())): one for one in store.series(check) if one.metric == metric}
        for labels, series in sorted(newest.items()):
            words = " ".join(value for _, value in labels)
            full = Text(f"{name.en} {words}".strip(), f"{name.zh} {words}".strip())
            points = tuple(store.samples(check, metric, since, until, series.labels, series.basis))
            before = [v for _, v in store.samples(check, metric, since - _WEEK_S, since, series.labels, series.basis)]
            mean = sum(before) / len(before) if before else None
            yield Curve(full, unit, points, mean, _band(before))


def _band(values: list[float]) -> tuple[float, float] | None:
    """Between what nine of ten values of the week before lay; None of too few to say so."""
    if len(values) < _ENOUGH:
        return None
    ranked = sorted(values)
    return ranked[len(ranked) // 20], ranked[-1 - len(ranked) // 20]


def _certificates(store: Store, until: float) -> Iterator[Certificate]:
    """Yield what was measured last of each certificate, the soonest first, counted down to the end of the day."""
    found = list[Certificate]()
    for series in store.series("certificate"):
        if series.metric == "days_left" and until - series.last < _CERTIFICATE_S:
            at, days = store.samples("certificate", "days_left", series.last - 1, series.last + 1, series.labels)[-1]
            name = " ".join(value for _, value in sorted(series.labels.items()))
            found.append(Certificate(name, days - (until - at) / 86_400.0))
    yield from sorted(found, key=lambda each: each.days_left)


def _notices(store: Store, since: float, until: float) -> Notices:
    told = store.notices(since, until)
    return Notices(
        sent=sum(each.sent_at is not None for each in told),
        waiting=sum(each.sent_at is None and each.dropped_at is None for each in told),
        given_up=sum(each.dropped_at is not None for each in told),
        held=dict(Counter(each.reason for each in store.held(since, until))),
    )


def _notes(store: Store, checks: Mapping[str, Check], since: float, until: float) -> tuple[Message, ...]:
    """What each check that is not well said last, and what else it remarked, as far as it said it on that day."""
    found = []
    for latest in store.latest():
        verdict = latest.verdict
        if latest.state.check in checks and since <= verdict.at < until:
            if verdict.status is not Status.OK and verdict.items:
                found.append(say("{check}: {text}", check=verdict.check, text=verdict.items[0].text))
            found += [say("{check}: {text}", check=verdict.check, text=note) for note in verdict.notes]
    return tuple(found)
