"""From samples and rules to a verdict: everything that is not known is UNKNOWN, and every item is listed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.evaluate import evaluate
from opskit.model.check import Confirm, Deviation, Rule
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict
from tests.judge.builders import make_check, make_reading

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def judged(rule: Rule, *samples: Sample, **why: str) -> Verdict:
    reasons = {name: say("{what}", what=what) for name, what in why.items()}
    return evaluate(make_check(rule), make_reading(*samples, why=reasons), 100.0)


def lines(verdict: Verdict) -> list[str]:
    return [f"{item.status.name} {item.text}" for item in verdict.items]


# The tables of the plugin guideline, the monitoring-plugins' own tests and Linuxfabrik's contributing guide.
VECTORS = [
    ("30", "60", [(15.3, OK), (30, OK), (30.0001, WARNING), (60, WARNING), (69, CRITICAL), (-1, CRITICAL)]),
    ("-10:-2", "-30:20", [(-31, CRITICAL), (-29, WARNING), (-10, OK), (-1, WARNING), (21, CRITICAL)]),
    ("~:10", "~:20", [(-5, OK), (15, WARNING)]),
    ("10:", "20", [(5, WARNING), (25, CRITICAL), (-1, CRITICAL)]),
    ("2:100", "1:150", [(0, CRITICAL), (1, WARNING), (2, OK), (150, WARNING), (151, CRITICAL)]),
    (None, "1:", [(0, CRITICAL), (1, OK)]),
    (None, None, [(-99, OK)]),
    ("14:", "5:", [(14, OK), (13.99, WARNING), (5, WARNING), (4.9, CRITICAL), (-3, CRITICAL)]),
    (None, "@10:20", [(15, CRITICAL), (9, OK)]),
]


@pytest.mark.parametrize(
    ("warn", "crit", "value", "status"),
    [(warn, crit, value, status) for warn, crit, rows in VECTORS for value, status in rows],
)
def test_a_value_leads_to_the_state_of_the_guideline(warn, crit, value, status):
    verdict = judged(Rule("m", warn, crit), Sample("m", float(value)))
    assert verdict.status is status
    assert (verdict.items[0].warn, verdict.items[0].crit) == (warn, crit)


@pytest.mark.parametrize("rule", [Rule("m"), Rule("m", "10"), Rule("m", None, "~:"), Rule("m", "@10", "@5")])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_unknown_whatever_the_rule(rule, value):
    verdict = judged(rule, Sample("m", value))
    assert lines(verdict) == ["UNKNOWN no value for m"]
    assert verdict.status is UNKNOWN


def test_a_metric_that_is_not_there_is_unknown_and_says_why():
    assert lines(judged(Rule("m", "10"), m="the driver is gone")) == ["UNKNOWN no value for m: the driver is gone"]
    assert lines(judged(Rule("m", "10"))) == ["UNKNOWN no value for m"]


def test_what_is_missing_for_one_reason_is_said_once():
    check = make_check(Rule("a"), Rule("b"), Rule("c"), Rule("d"))
    why = {"a": say("{what}", what="no log"), "c": say("no log"), "d": say("no key")}
    verdict = evaluate(check, make_reading(Sample("b", 1.0), why=why), 0.0)
    assert lines(verdict) == ["UNKNOWN no value for a, c: no log", "UNKNOWN no value for d: no key", "OK b 1"]


def test_an_optional_metric_may_be_missing_but_not_be_without_a_value():
    check = make_check(Rule("fan", "10", optional=True), Rule("m"))
    assert lines(evaluate(check, make_reading(Sample("m", 1.0)), 0.0)) == ["OK m 1"]
    dark = evaluate(check, make_reading(Sample("m", 1.0), Sample("fan", None)), 0.0)
    assert lines(dark) == ["UNKNOWN no value for fan", "OK m 1"]


def test_a_check_of_optional_things_that_are_all_missing_is_not_ok():
    verdict = judged(Rule("fan", optional=True))
    assert lines(verdict) == ["UNKNOWN nothing was measured that the check could judge"]
    assert verdict.status is UNKNOWN


def test_a_probe_that_could_not_look_is_unknown_for_that_reason():
    verdict = evaluate(make_check(Rule("m"), Rule("n")), Reading(unreadable=say("no permission")), 7.0)
    assert lines(verdict) == ["UNKNOWN no permission"]
    assert verdict.at == 7.0


def test_every_item_is_listed_worst_first_and_the_worst_is_the_state():
    check = make_check(Rule("a"), Rule("b", "1"), Rule("c"), Rule("d", None, "1"), Rule("e", "1"))
    samples = [Sample(metric, 5.0) for metric in "abde"]
    verdict = evaluate(check, make_reading(*samples), 0.0)
    assert lines(verdict) == [
        "CRITICAL d 5 is outside 1",
        "WARNING b 5 is outside 1",
        "WARNING e 5 is outside 1",
        "UNKNOWN no value for c",
        "OK a 5",
    ]
    assert verdict.status is CRITICAL


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [("o", OK), ("ou", UNKNOWN), ("uw", WARNING), ("wu", WARNING), ("uc", CRITICAL), ("wcuo", CRITICAL)],
)
def test_not_knowing_is_worse_than_ok_and_hides_no_fault(statuses, expected):
    value = {"o": 0.0, "w": 5.0, "c": 9.0, "u": None}
    rules = [Rule(f"m{n}", "4", "8") for n in range(len(statuses))]
    samples = [Sample(f"m{n}", value[letter]) for n, letter in enumerate(statuses)]
    verdict = evaluate(make_check(*rules), make_reading(*samples), 0.0)
    assert verdict.status is expected
    assert len(verdict.items) == len(statuses)


def test_each_series_is_judged_and_named():
    rule = Rule("temperature_c", "80", per="gpu")
    samples = [Sample("temperature_c", value, labels={"gpu": gpu}) for gpu, value in (("0", 40.0), ("1", 91.0))]
    assert lines(judged(rule, *samples)) == ["WARNING temperature_c 1 91 is outside 80", "OK temperature_c 0 40"]


def test_samples_notes_and_evidence_go_with_the_verdict():
    sample = Sample("m", 1.0)
    proof = Evidence("/var/log/x.log", "text", 3)
    reading = Reading(evidence={"fact": (proof,)}, samples=(sample,), notes=(say("top: alice"),))
    verdict = evaluate(make_check(Rule("m")), reading, 0.0)
    assert (verdict.samples, verdict.notes, verdict.evidence) == ((sample,), (say("top: alice"),), (proof,))


def test_own_words_replace_the_standard_ones_only_where_the_rule_is_broken():
    rule = Rule("answered", crit="1:", per="target", say=Text("no answer", "没有应答"))
    labels = {"target": "chat"}
    assert lines(judged(rule, Sample("answered", 1.0, labels=labels))) == ["OK answered chat 1"]
    broken = judged(rule, Sample("answered", 0.0, labels=labels), answered="connection refused")
    assert lines(broken) == ["CRITICAL chat: no answer (connection refused)"]
    assert broken.items[0].text.render(lang="zh") == "chat: 没有应答 (connection refused)"
    assert lines(judged(rule, Sample("answered", 0.0))) == ["CRITICAL no answer"]


CONFIRMED = [
    (9.0, "CRITICAL share_pct 50% is outside 5"),
    (2.0, "OK share_pct 50% is outside 5, which does not count while count is 2"),
    (None, "UNKNOWN share_pct 50% is outside 5, but there is no value for count"),
    (math.nan, "UNKNOWN share_pct 50% is outside 5, but there is no value for count"),
]


@pytest.mark.parametrize(("count", "line"), CONFIRMED)
def test_a_share_counts_only_together_with_a_number(count, line):
    rule = Rule("share_pct", "1", "5", confirm=Confirm("count", "2"))
    assert lines(judged(rule, Sample("share_pct", 50.0, "%"), Sample("count", count))) == [line]


def test_a_second_metric_that_is_missing_makes_a_violation_unknown_and_nothing_else():
    rule = Rule("share_pct", "1", confirm=Confirm("count", "2"))
    assert lines(judged(rule, Sample("share_pct", 0.5, "%"))) == ["OK share_pct 0.5%"]
    assert judged(rule, Sample("share_pct", 50.0, "%")).status is UNKNOWN


def test_the_second_metric_is_that_of_the_same_series():
    rule = Rule("share_pct", "1", per="site", confirm=Confirm("count", "2"))
    samples = [
        Sample(metric, value, labels={"site": site})
        for metric, site, value in (
            ("share_pct", "a", 50.0), ("share_pct", "b", 50.0), ("count", "a", 1.0), ("count", "b", 100.0),
        )
    ]  # fmt: skip
    assert [item.status for item in judged(rule, *samples).items] == [WARNING, OK]


def moved(value: float | None, earlier: list[float], warn: str = "~:30") -> Verdict:
    check = make_check(Rule("total_s", warn, deviation=Deviation(over=604800.0, at_least=3)))
    asked: list[float] = []

    def known(_sample: Sample, over: float) -> list[tuple[float, float]]:
        asked.append(over)
        return [(float(at), value) for at, value in enumerate(earlier)]

    verdict = evaluate(check, make_reading(Sample("total_s", value, "s")), 0.0, known)
    assert asked == ([] if value is None else [604800.0])
    return verdict


DEVIATIONS = [
    (5.0, [4.0, 4.0], OK, "total_s 5s, no average yet: 2 of 3 values"),
    (5.0, [4.0] * 3, OK, "total_s 5s is off its average of 4s by 25 %"),
    (5.2, [4.0] * 3, OK, "total_s 5.2s is off its average of 4s by 30 %"),
    (5.2016, [4.0] * 3, WARNING, "total_s 5.202s is off its average of 4s by 30.04 %"),
    (1.0, [4.0] * 3, OK, "total_s 1s is off its average of 4s by -75 %"),
    (5.0, [0.0] * 3, UNKNOWN, "total_s 5s has no distance to an average of 0.0"),
    (None, [4.0] * 3, UNKNOWN, "no value for total_s"),
]


@pytest.mark.parametrize(("value", "earlier", "status", "text"), DEVIATIONS)
def test_a_deviation_is_judged_in_percent_once_enough_is_known(value, earlier, status, text):
    verdict = moved(value, earlier)
    assert verdict.status is status
    assert str(verdict.items[0].text) == text


def test_thresholds_of_a_deviation_do_not_pass_for_thresholds_of_the_value():
    assert moved(9.0, [4.0] * 3).items[0].relative
    assert not judged(Rule("m", "1"), Sample("m", 9.0)).items[0].relative


@given(
    st.lists(
        st.builds(
            Sample,
            st.sampled_from("abc"),
            st.none() | st.floats(),
            st.sampled_from(["", "s", "%", "B"]),
            st.dictionaries(st.sampled_from(["gpu"]), st.text(max_size=3)),
        ),
        max_size=6,
    ),
    st.lists(
        st.builds(
            Rule,
            st.sampled_from("abc"),
            st.none() | st.sampled_from(["10", "@5:6", "~:0", "80%"]),
            st.none() | st.sampled_from(["20", "1:"]),
            st.none() | st.just("gpu"),
            st.booleans(),
            st.none() | st.builds(Confirm, st.sampled_from("abc"), st.just("2")),
            st.none() | st.builds(Deviation, st.just(60.0), st.integers(1, 3)),
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.floats(), max_size=4),
)
def test_any_samples_and_rules_come_to_a_verdict_with_reasons(samples, rules, earlier):
    verdict = evaluate(
        make_check(*rules),
        make_reading(*samples),
        0.0,
        lambda _sample, _over: [(float(at), value) for at, value in enumerate(earlier)],
    )
    assert verdict.items
    assert verdict.status is max((item.status for item in verdict.items), key=lambda status: status.severity)
    assert all(str(item.text) for item in verdict.items)


@pytest.mark.parametrize(
    ("rule", "value", "line"),
    [
        (Rule("free_pct", warn="10:", say=Text("little is left")), 8.25, "little is left (free_pct 8.2%)"),
        (Rule("well", crit="1:", say=Text("not well")), 0.0, "not well"),
    ],
)
def test_own_words_come_with_the_figure_unless_it_says_only_yes_or_no(rule, value, line):
    unit = "%" if rule.warn else ""
    (item,) = evaluate(make_check(rule), make_reading(Sample(rule.metric, value, unit)), 0.0).items
    assert str(item.text) == line
