"""The alarm for slower answers: what it raises, what it does not, and when it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opskit.judge.baseline import Event, Watch, limits
from tests.judge.series import DAY, between, latencies

HOSTS = {"quiet": (0.05, 0.05), "typical": (0.10, 0.20), "busy": (0.18, 0.45)}


def replayed(host: str, days: float, factor: Callable[[float], float] = lambda _: 1.0, seed: int = 3) -> list[Event]:
    watch = Watch(limits(900))
    return [event for at, value in latencies(days, *HOSTS[host], seed, factor) for event in watch.take(at, value)]


def hours(events: list[Event], kind: str, since: float) -> list[float]:
    """When events of a kind happened, in hours after day `since`."""
    return [(event.at - since * DAY) / 3600 for event in events if event.kind == kind and event.at >= since * DAY]


@pytest.mark.parametrize(
    ("interval", "k", "n", "calm"),
    [
        (60, 8, 12, 2),
        (300, 8, 12, 2),
        (600, 6, 9, 1),
        (900, 4, 6, 1),
        (1800, 2, 3, 0),
        (3600, 2, 3, 0),
        (21600, 2, 3, 0),
    ],
)
def test_an_hour_or_so_decides_whatever_the_interval(interval: float, k: int, n: int, calm: int) -> None:
    rule = limits(interval)
    assert (rule.k, rule.n, rule.calm) == (k, n, calm)


@pytest.mark.parametrize("host", ["quiet", "typical"])
def test_an_ordinary_month_is_silent(host: str) -> None:
    events = replayed(host, 30)
    assert [event.kind for event in events] == ["INFO", "INFO"]
    assert [str(event.reason)[:8] for event in events] == ["learning", "learned "]


@pytest.mark.parametrize("host", HOSTS)
def test_two_hours_twice_as_slow_are_raised_once_and_cleared(host: str) -> None:
    events = replayed(host, 16, between(14.42, 14.5, 2.0))
    (raised,) = hours(events, "RAISE", 14)
    (cleared,) = hours(events, "CLEAR", 14)
    assert 0.42 * 24 < raised < 0.5 * 24 < cleared < 0.5 * 24 + 3


@pytest.mark.parametrize("host", HOSTS)
def test_a_step_is_raised_within_hours_and_stays_told_for_a_week(host: str) -> None:
    events = replayed(host, 36, between(28.4, 99, 1.35))
    assert hours(events, "RAISE", 28.4)[0] < 4
    assert hours(events, "DRIFT", 28.4)[0] < 30
    assert not [event for event in events if "no drift" in str(event.reason)]


@pytest.mark.parametrize("begin", [21.0, 21.5])
def test_half_a_day_of_trouble_does_not_hide_the_next_fault(begin: float) -> None:
    def factor(at: float) -> float:
        return between(begin, begin + 0.5, 6.0)(at) * between(24, 99, 1.4)(at)

    assert hours(replayed("typical", 26, factor), "RAISE", 24)[0] < 4


def test_growth_that_no_weekly_mean_shows_is_drift() -> None:
    events = replayed("quiet", 34, lambda at: 1.02 ** max(0.0, at / DAY - 14))
    assert hours(events, "RAISE", 0) == []
    (told,) = hours(events, "DRIFT", 14)
    assert 13 < told / 24 < 16


def test_faster_answers_are_told_and_are_no_alarm() -> None:
    events = replayed("typical", 12, between(8.3, 99, 0.5))
    assert hours(events, "RAISE", 0) == hours(events, "CLEAR", 0) == []
    (faster,) = [event for event in events if "faster" in str(event.reason)]
    assert faster.at < 8.4 * DAY


def test_nothing_is_judged_before_three_days_and_fifty_values() -> None:
    assert hours(replayed("quiet", 2.9, between(2, 99, 9.0)), "RAISE", 0) == []
    watch = Watch(limits(7200))
    events = [
        event
        for at, value in latencies(9, *HOSTS["quiet"], 1, between(3.9, 99, 9.0), every=7200)
        for event in watch.take(at, value)
    ]
    assert hours(events, "RAISE", 0)[0] >= 50 * 2


def test_a_gap_is_told_and_what_was_before_it_raises_nothing() -> None:
    watch, events = Watch(limits(900)), list[Event]()
    for at, value in latencies(10, *HOSTS["quiet"], 4, between(8, 99, 2.0)):
        if not 8 * DAY + 2700 <= at < 8.5 * DAY:
            events += watch.take(at, value)
    (stale,) = [event for event in events if "stale" in str(event.reason)]
    assert (stale.kind, stale.at) == ("INFO", 8 * DAY + 1800 + 2700)
    assert hours(events, "RAISE", 8) == [12.75]


def test_a_floor_keeps_small_distances_silent() -> None:
    watch = Watch(limits(900))
    rule = type(limits(900))(floor=3.0)
    careful = Watch(rule)
    for at, value in latencies(9, *HOSTS["quiet"], 4, between(8, 99, 1.5)):
        watch.take(at, value)
        careful.take(at, value)
    assert (watch.alarm, careful.alarm) == (True, False)


@pytest.mark.parametrize(
    ("at", "value"), [(900.0, 1.0), (0.0, 1.0), (1800.0, 0.0), (1800.0, float("nan")), (1800.0, -1.0)]
)
def test_what_cannot_come_next_is_refused(at: float, value: float) -> None:
    watch = Watch(limits(900))
    watch.take(900.0, 1.0)
    with pytest.raises(ValueError, match="could come next"):
        watch.take(at, value)


def test_one_absurd_value_does_not_blind_the_watch_for_longer_than_it_is_known() -> None:
    values = [
        (at, 1e300 if at == 300 * 900 else value) for at, value in latencies(20, 0.05, 0.05, 3, between(15, 99, 2.0))
    ]
    watch = Watch(limits(900))
    assert [event.kind for at, value in values for event in watch.take(at, value) if event.kind == "RAISE"] == ["RAISE"]


def test_what_is_slow_on_one_day_of_every_week_is_no_drift() -> None:
    def drifts(growth: float) -> int:
        watch = Watch(limits(900))
        series = latencies(35, 0.05, 0.05, 4, lambda at: growth ** (at / DAY) * (2.0 if at // DAY % 7 == 0 else 1.0))
        return sum(event.kind == "DRIFT" for at, value in series for event in watch.take(at, value))

    assert drifts(1.0) == 0
    assert drifts(1.02) >= 1
