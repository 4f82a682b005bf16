"""Thresholds of the command line replace those of the check, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from opskit.app.thresholds import with_thresholds
from opskit.model.check import Check, Deviation, Rule
from opskit.model.text import Text

RULES = (Rule("lost", crit="0"), Rule("used_pct", "80", "95", per="gpu"), Rule("used_pct", "90", confirm=None))
CHECK = Check("gpu-memory", Text("x"), Text("y"), "gpu", RULES, 60.0, 5.0)


def limits(check: Check) -> list[tuple[str | None, str | None]]:
    return [(rule.warn, rule.crit) for rule in check.rules]


def test_without_a_name_the_last_rule_is_meant() -> None:
    changed = with_thresholds(CHECK, [("warn", "70"), ("crit", "~:85")])
    assert limits(changed) == [(None, "0"), ("80", "95"), ("70", "~:85")]
    assert [rule.per for rule in changed.rules] == [None, "gpu", None]


def test_a_name_means_all_rules_about_that_metric() -> None:
    assert limits(with_thresholds(CHECK, [("warn", "used_pct=@10:20")]))[1:] == [("@10:20", "95"), ("@10:20", None)]
    assert limits(with_thresholds(CHECK, [("crit", "lost=2"), ("crit", "lost=3")]))[0] == (None, "3")
    assert with_thresholds(CHECK, []) == CHECK


WEEK = Deviation(7 * 86_400.0, 50)
SLOW = msgspec.structs.replace(
    CHECK,
    rules=(
        Rule("first_s", "~:30", deviation=WEEK),
        Rule("first_s", "3"),
        Rule("total_s", "~:30", per="layer", deviation=WEEK),
    ),
)


def test_a_range_of_values_is_not_held_against_a_deviation() -> None:
    changed = with_thresholds(SLOW, [("crit", "first_s=5"), ("warn", "2"), ("crit", "4")])
    assert limits(changed) == [("~:30", None), ("3", "5"), ("~:30", None), ("2", "4")]
    added = changed.rules[-1]
    assert (added.metric, added.per, added.deviation, added.optional) == ("total_s", "layer", None, True)


def test_a_percent_sign_means_the_deviation_where_there_is_one() -> None:
    changed = with_thresholds(SLOW, [("warn", "50%"), ("crit", "first_s=-20:80%")])
    assert limits(changed) == [("~:30", "-20:80"), ("3", None), ("~:50", None)]
    assert limits(with_thresholds(CHECK, [("warn", "70%")]))[-1] == ("70%", None)
    assert limits(with_thresholds(SLOW, [("warn", "@20:40%"), ("crit", " 80% ")]))[2] == ("@20:40", "~:80")


def test_what_has_no_name_means_the_check_s_own_last_rule_whatever_was_named_before() -> None:
    changed = with_thresholds(SLOW, [("warn", "total_s=2"), ("warn", "first_s=1"), ("crit", "9")])
    assert [(rule.metric, rule.warn, rule.crit) for rule in changed.rules[1:]] == [
        ("first_s", "1", None),
        ("total_s", "~:30", None),
        ("total_s", "2", "9"),
    ]


def test_one_percent_sign_is_enough() -> None:
    with pytest.raises(ValueError, match="one percent sign"):
        with_thresholds(SLOW, [("warn", "10%:30%")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("used=5", "has no rule about 'used', expected one of lost, used_pct"),
        ("=5", "has no rule about ''"),
        ("5:1", "start 5 is above end 1"),
        ("used_pct=many", "'many' is not a decimal number"),
        ("", "is empty"),
    ],
)
def test_what_is_no_threshold_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_thresholds(CHECK, [("warn", text)])
