"""What a drill comes to, against published values."""

from __future__ import annotations

import json
from functools import partial

import pytest

from opskit.lab.score import Run, as_json, confusion, quantile, score, wilson


# Newcombe (1998), Statistics in Medicine 17:857, table I, method 3 (81/263, 15/148, 0/20, 1/29); Wilson (1927) itself
# for tenths.
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_the_interval_is_the_published_one(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=6e-5)


def test_of_nothing_there_is_no_interval():
    assert wilson(0, 0) == (None, None)


@pytest.mark.parametrize("total", range(1, 40))
def test_an_interval_holds_its_share_and_stays_within_one(total):
    for right in range(total + 1):
        low, high = wilson(right, total)
        assert 0 <= low <= right / total + 1e-12
        assert right / total - 1e-12 <= high <= 1


def test_quantiles_are_values_that_were_measured():
    assert quantile([], 0.5) is None
    assert quantile([7.0], 0.0) == quantile([7.0], 0.95) == 7.0
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert quantile([float(number) for number in range(1, 101)], 0.95) == 95.0
    assert quantile([1.0, 2.0, 3.0], 1.0) == 3.0


def run(truth: str | None, named: str | None, verdict: str = "fault", **more: object) -> Run:
    known = {"seconds": 1.0, "present": True, "healed": True, **more}
    return Run(str(truth), truth, truth is None, verdict, named, **known)


RUNS = [
    run("OPS101", "OPS101", seconds=4.0, users={"error": 3}),
    run("OPS201", "OPS301", seconds=1.0),
    run("OPS401", None, "unknown", seconds=2.0, present=False),
    run("OPS402", None, "healthy", seconds=3.0, healed=False),
    run(None, None, "healthy"),
    run(None, None, "unknown"),
    run(None, "OPS501"),
]


def test_accuracy_is_that_on_faults_and_accusations_are_those_of_controls():
    result = score(RUNS)
    assert (result.runs, result.controls) == (7, 3)
    assert result.accuracy == 0.25
    assert (result.wilson_low, result.wilson_high) == wilson(1, 4)
    assert result.false_accusations == 1
    assert result.unknown_share == 0.25
    assert (result.p50_s, result.p95_s) == (1.0, 4.0)
    assert (result.not_present, result.not_healed) == (1, 1)


def test_the_right_answer_for_a_control_is_to_name_nobody():
    assert [one.right for one in RUNS] == [True, False, False, False, True, True, False]


def test_controls_alone_have_no_accuracy():
    result = score(RUNS[4:])
    assert result.accuracy is result.wilson_low is result.unknown_share is None
    assert score([]).p50_s is None


def test_who_was_taken_for_whom():
    assert confusion(RUNS)["OPS201", "OPS301"] == 1
    assert confusion(RUNS)["OPS401", "unknown"] == 1
    assert confusion(RUNS)["none", "OPS501"] == 1
    assert sum(confusion(RUNS).values()) == 7


def test_the_json_has_the_published_keys():
    told = json.loads(json.dumps(as_json(RUNS)))
    assert {"accuracy", "wilson_low", "false_accusations", "unknown_share", "p50_s", "p95_s", "runs"} <= set(told)
    assert told["runs"][0]["fault"] == "OPS101"
    assert {"fault", "truth", "verdict", "seconds", "present", "healed", "users"} <= set(told["runs"][0])
    assert [row["verdict"] for row in told["runs"][:4]] == ["OPS101", "OPS301", "unknown", "healthy"]
    assert told["runs"][4]["truth"] is None


def test_of_two_faults_either_is_right_and_the_other_should_be_listed():
    pair = partial(run, "OPS101", beside="OPS401")
    both, other = pair("OPS101", also=("OPS401", "OPS501")), pair("OPS401")
    wrong = pair("OPS501", also=("OPS101", "OPS401"))
    assert [one.right for one in (both, other, wrong)] == [True, True, False]
    assert [one.other_listed for one in (both, other, wrong)] == [True, False, False]
    result = score([both, other, wrong, run("OPS101", "OPS101")])
    assert (result.pairs, result.other_listed, result.accuracy) == (3, pytest.approx(1 / 3), 0.75)
    assert (score(RUNS).pairs, score(RUNS).other_listed) == (0, None)
    assert as_json([both])["runs"][0]["also_seen"] == ["OPS401", "OPS501"]


def test_a_fault_that_nobody_names_is_never_right():
    assert not run("OPS101", None, beside="OPS401").right
    assert not run("OPS101", None, "unknown").right
    assert not Run("x", None, False, "healthy", None, 1.0, True, True).right
