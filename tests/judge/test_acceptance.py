"""A new level that is declared the usual one: judged from it at once, by the same times of day."""

from __future__ import annotations

from opskit.judge.acceptance import acceptable
from opskit.judge.level import Level, rebased
from opskit.judge.usual import limits_of, standing
from tests.judge.series import DAY, between, latencies

RULE = limits_of(900.0, 0.0)


def test_what_is_as_usual_has_nothing_to_accept() -> None:
    assert acceptable(list(latencies(9, 0.05, 0.05, 2)), RULE) is None
    assert acceptable([], RULE) is None


def test_an_accepted_step_is_usual_and_a_further_one_is_not() -> None:
    values = list(latencies(12, 0.05, 0.3, 2, between(9.4, 99, 2.0)))
    now = 9.5 * DAY
    known = [pair for pair in values if pair[0] < now]
    assert standing(known, RULE).phase == "slower"
    level = acceptable(known, RULE)
    assert level is not None
    assert abs(level.since - 9.4 * DAY) <= 1800
    assert 1.9 < level.factor < 2.1
    assert standing(rebased(known, [level]), RULE).phase == "usual"
    assert standing(rebased(values, [level]), RULE).phase == "usual"
    worse = [(at, value * (1.6 if at > 11.8 * DAY else 1)) for at, value in values]
    assert standing(rebased(worse, [level]), RULE).phase == "slower"


def test_accepted_growth_is_usual_and_further_growth_is_not() -> None:
    values = list(latencies(90, 0.03, 0.05, 2, lambda at: 1.02 ** max(0.0, at / DAY - 14)))
    known = [pair for pair in values if pair[0] < 34 * DAY]
    assert standing(known, RULE).phase == "drifting"
    level = acceptable(known, RULE)
    assert level is not None
    assert level.flat is not None
    assert standing(rebased(known, [level]), RULE).phase != "drifting"
    later = [pair for pair in values if 20 * DAY < pair[0] < 55 * DAY]
    assert standing(rebased(later, [level]), RULE).phase == "drifting"


def test_levels_hold_for_what_is_older_each_in_its_turn() -> None:
    values = [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert rebased(values, [Level(3.0, 2.0), Level(2.0, 3.0)]) == [(1.0, 6.0), (2.0, 4.0), (3.0, 3.0)]
    assert rebased(values, [Level(3.0, flat=9.0), Level(2.0, 3.0)]) == [(1.0, 9.0), (2.0, 9.0), (3.0, 3.0)]
    assert rebased(values, []) == values
