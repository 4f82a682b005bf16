"""Ranges, held against the written grammar of the plugin guidelines."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.range import Range

ALERTS = [
    ("10", -0.001, True), ("10", 0, False), ("10", 10, False), ("10", 10.0001, True),
    ("0", 0, False), ("0", 0.5, True), ("0", -1, True),
    ("10:", 9.999, True), ("10:", 10, False), ("10:", 1e12, False),
    ("0:", -0.1, True), ("0:", 0, False),
    ("~:10", 10, False), ("~:10", 10.5, True), ("~:10", -1e9, False),
    ("~:0", 0, False), ("~:0", 0.5, True),
    ("~:-95.99", -96, False), ("~:-95.99", -95.98, True),
    ("10:20", 9, True), ("10:20", 21, True), ("10:20", 10, False), ("10:20", 15, False), ("10:20", 20, False),
    (":5.75", 5.75, False), (":5.75", -0.1, True),
    ("1:1", 1, False), ("1:1", 1.5, True),
    ("-7:23", -7, False), ("-7:23", -7.5, True),
    ("-10:-5", -7, False), ("-10:-5", -4, True), ("-10.0:-5.0", -7.5, False), ("-10.5:5.5", -7.25, False),
    (".5:1.5", 0.5, False), ("-.5:.5", 0, False), ("5.", 4, False), ("+5", 3, False),
    ("@10:20", 9, False), ("@10:20", 20.01, False), ("@10:20", 10, True), ("@10:20", 20, True),
    ("@0", 0, True), ("@0", 1, False), ("@10", 0, True), ("@10", -1, False), ("@10", 11, False),
    ("@10:", 9, False), ("@10:", 10, True), ("@~:10", 10, True), ("@~:10", 11, False),
    ("@-10:-5", -5, True), ("@1:1", 1, True), ("@0:657.8210567", 657.8210567, True),
    ("~:", -5, False), ("@~:", -5, True),
    ("010", 9, False), ("12345678901234567890:", 12345678901234567890, False), (" 10:20 ", 15, False),
]  # fmt: skip

INVALID = [
    "", " ", "@", ":", "@:", "~", "@~", "~10", "~5:10", "5:~", "10:5", "20:10", "-5", "@-5", "1:2:3", "5:5:", "abc",
    "10abc", "10 20", "10..20", "1,5", "1.2.3", "@@5", "5@", "0x10", "1_0", "inf", "nan", "~:nan", "--5", "10:20@",
    "1e3", "1e3:x", "$10", "٣", "10%", "-", "+", ".", "9" * 400, "1\n0",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "alert"), ALERTS)
def test_a_value_alerts_as_the_guideline_says(text, value, alert):
    assert Range.parse(text).alerts(float(value)) is alert


@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_range_is_refused_with_its_text(text):
    with pytest.raises(ValueError, match="range") as caught:
        Range.parse(text)
    assert repr(text.strip()[:20])[1:-1] in str(caught.value) or repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["10", "@10", "~:", "@~:", "0:"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_never_inside_or_outside(text, value):
    with pytest.raises(ValueError, match="UNKNOWN"):
        Range.parse(text).alerts(value)


def test_a_lone_negative_end_gets_a_hint():
    with pytest.raises(ValueError, match=r"did you mean '~:-5' or '-5:0'\?"):
        Range.parse("-5")


def test_percent_signs_belong_to_metrics_in_percent():
    assert Range.parse("80%", unit="%").alerts(81)
    with pytest.raises(ValueError, match="80%"):
        Range.parse("80%", unit="s")


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_an_at_range_is_the_exact_opposite(one, other, value):
    text = f"{min(one, other):.6f}:{max(one, other):.6f}"
    assert Range.parse(text).alerts(value) is not Range.parse("@" + text).alerts(value)


@given(st.text(alphabet="0123456789.:~@+-% eE_x", max_size=12))
def test_any_text_is_either_a_range_or_a_clear_refusal(text):
    refusal = ""
    try:
        limits = Range.parse(text)
    except ValueError as error:
        refusal = str(error)
    assert (
        "range" in refusal if refusal else limits.alerts(1.0) is (not limits.start <= 1 <= limits.end) ^ limits.inside
    )
