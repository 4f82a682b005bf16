"""A deviation that counts only while the series as a whole is slower than usual."""

from __future__ import annotations

import pytest

from opskit.judge.evaluate import evaluate
from opskit.judge.settle import settle
from opskit.model.check import Check, Deviation, Rule, Sustain
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict
from tests.judge.builders import make_reading
from tests.judge.series import DAY, between, latencies

RULE = Rule("total_s", "~:30", deviation=Deviation(7 * DAY, 50, sustained=True))
CHECK = Check("latency", Text("s"), Text("w"), "latency", (RULE,), 900.0, 5.0, sustain=Sustain(4, 6))


def judged(values: list[tuple[float, float]]) -> Verdict:
    """Judge the last value against those before it."""
    *earlier, (at, value) = values

    def known(_sample: Sample, over: float) -> list[tuple[float, float]]:
        return [pair for pair in earlier if pair[0] >= at - over]

    return evaluate(CHECK, make_reading(Sample("total_s", value, "s", at=at)), at, known)


@pytest.mark.parametrize(
    ("slow_from", "until", "status", "words"),
    [
        (99.0, 9.5, Status.OK, "is off its average of"),
        (9.485, 9.5, Status.OK, "which counts only if it lasts"),
        (9.4, 9.5, Status.WARNING, "slower than usual: 4 of the last 6 values"),
        (0.3, 0.4, Status.OK, "no average yet"),
    ],
)
def test_one_slow_answer_does_not_count_and_a_slow_hour_does(
    slow_from: float, until: float, status: Status, words: str
) -> None:
    verdict = judged(list(latencies(until, 0.05, 0.05, 2, between(slow_from, 99, 2.0))))
    assert (verdict.status, words in str(verdict.items[0].text)) == (status, True)


def test_the_alarm_lasts_while_values_are_warm_and_growth_is_told_as_drift() -> None:
    slow = list(latencies(9.5, 0.02, 0.05, 2, lambda at: between(9.3, 9.45, 1.6)(at) * between(9.45, 99, 1.2)(at)))
    assert judged(slow).status is Status.WARNING
    growing = judged(list(latencies(34, 0.05, 0.05, 2, lambda at: 1.02 ** max(0.0, at / DAY - 14))))
    assert growing.status is Status.WARNING
    assert "of the week that ended" in str(growing.items[0].text)


def test_what_rests_on_several_values_counts_at_once() -> None:
    verdict = judged(list(latencies(9.5, 0.05, 0.05, 2, between(9.4, 99, 2.0))))
    state, flip = settle(CHECK, None, verdict, "words")
    assert (state.hard, flip is not None) == (Status.WARNING, True)


def test_values_that_are_no_latencies_are_left_out() -> None:
    values = list(latencies(9.5, 0.05, 0.05, 2))
    values[100:100] = [(values[99][0] + 1, float("nan")), (values[99][0] + 2, 0.0), (values[99][0], 4.0)]
    assert judged(values).status is Status.OK
