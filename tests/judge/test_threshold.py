"""A number against the ranges of a rule: what is printed leads to the same state as what was measured."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.evaluate import evaluate
from opskit.judge.range import Range
from opskit.judge.threshold import hold_against
from opskit.model.check import Rule
from opskit.model.sample import Sample
from opskit.model.status import Status
from tests.judge.builders import make_check, make_reading

# What is printed explains the state: rounded for reading, never across a threshold.
WORDED = [
    (Rule("m", "10"), 10.004, "", "WARNING m 10.004 is outside 10"),
    (Rule("m", "10"), 10.0, "", "OK m 10"),
    (Rule("m", "10"), 12.3456, "s", "WARNING m 12.3s is outside 10"),
    (Rule("m", "10"), 10.0000001, "", "WARNING m 10.0000001 is outside 10"),
    (Rule("m", "10"), 10.000000000000002, "", "WARNING m 10.000000000000002 is outside 10"),
    (Rule("m", "0:"), -0.04, "", "WARNING m -0.04 is outside 0:"),
    (Rule("m", "@10:20"), 15.0, "", "WARNING m 15 is inside 10:20"),
    (Rule("m", "@10:20"), 9.96, "", "OK m 9.96"),
    (Rule("m", "80", "@90:"), 89.96, "", "WARNING m 89.96 is outside 80"),
    (Rule("m", "80", "90"), 90.04, "", "CRITICAL m 90.04 is outside 90"),
    (Rule("m", "80%"), 81.0, "%", "WARNING m 81% is outside 80%"),
    (Rule("m", "80%"), 81.0, "s", "UNKNOWN m cannot be judged: range '80%': '80%' is not a decimal number"),
    (Rule("m"), 1e-9, "s", "OK m 0s"),
    (Rule("m"), -0.0, "s", "OK m 0s"),
    (Rule("m", "1"), 1e20, "", "WARNING m 100000000000000000000 is outside 1"),
]


@pytest.mark.parametrize(("rule", "value", "unit", "line"), WORDED)
def test_the_printed_number_explains_the_state(rule, value, unit, line):
    (item,) = evaluate(make_check(rule), make_reading(Sample("m", value, unit)), 0.0).items
    assert f"{item.status.name} {item.text}" == line


@given(
    st.floats(-1e6, 1e6).map(lambda end: f"{end:.3f}"),
    st.sampled_from(["~:{}", "{}:", "@~:{}", "@{}:"]),
    st.floats(-1e-3, 1e-3),
)
def test_the_printed_number_leads_to_the_same_state_as_the_value(end, form, step):
    rule = Rule("m", form.format(end))
    value = float(end) + step
    (item,) = evaluate(make_check(rule), make_reading(Sample("m", value)), 0.0).items
    printed = float(re.match(r"m (-?[0-9.]+)", str(item.text)).group(1))
    assert hold_against(rule, printed, "")[0] is item.status
    assert (item.status is Status.WARNING) is Range.parse(rule.warn).alerts(value)
