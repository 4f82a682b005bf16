"""What was bad is well again only inside of `clear`: not at the threshold, and not for a series that was never bad."""

from __future__ import annotations

import pytest

from opskit.judge.evaluate import evaluate
from opskit.judge.hysteresis import held
from opskit.judge.settle import settle
from opskit.model.check import Check, Deviation, Rule, Sustain
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict

LETTERS = {Status.OK: "o", Status.WARNING: "w", Status.CRITICAL: "c", Status.UNKNOWN: "u"}
RULE = Rule("temperature_c", warn="80", crit="85", clear="75", per="gpu")


def run(values: list[float | None], rule: Rule = RULE, k: int = 1, n: int = 1) -> tuple[str, str]:
    """Return results and confirmed states of one series, a letter each; None is a look that failed."""
    check = Check("c", Text("s"), Text("w"), "gpu", (rule,), 60.0, 5.0, sustain=Sustain(k, n))
    before: Verdict | None = None
    state: State | None = None
    seen = hard = ""
    for minute, value in enumerate(values):
        samples = (Sample("temperature_c", value, "", {"gpu": "0"}), Sample("temperature_c", 78.0, "", {"gpu": "1"}))
        verdict = held(check, evaluate(check, Reading(samples=samples), minute * 60.0), before)
        state, _ = settle(check, state, verdict, "words")
        seen, hard, before = seen + LETTERS[verdict.status], hard + LETTERS[state.hard], verdict
    return seen, hard


@pytest.mark.parametrize(
    ("values", "seen", "hard"),
    [
        # the other card is at 78 all the time, was never bad, and holds nothing
        ([70, 79, 70], "ooo", "ooo"),
        ([70, 90, 79, 76, 75, 76, 79], "ocooooo", "occcooo"),
        ([70, 82, 79, 74, 79], "owooo", "owwoo"),
        ([90, 82, 79, 70], "cwoo", "cwwo"),
        # what was held stays so, however long
        ([90] + [79] * 20 + [70], "c" + "o" * 21, "c" * 21 + "o"),
        # a look that failed ends no fault, and nothing is forgotten over it
        ([90, None, 79, None, None, 76, 74], "cuouuoo", "cccccc" + "o"),
    ],
)
def test_a_fault_ends_inside_of_clear(values: list[float | None], seen: str, hard: str):
    assert run(values) == (seen, hard)


def test_one_bad_result_that_nobody_confirmed_is_not_confirmed_by_lingering():
    assert run([70, 70, 70, 90, 79, 79, 79, 79], k=3, n=4) == ("oooc" + "oooo", "oooooooo")


def test_inside_of_clear_as_many_good_ones_are_counted_as_for_wants():
    assert run([90, 90, 79, 79, 74, 70], k=2, n=2)[1] == "ucccco"


def test_what_was_inside_of_clear_once_may_be_between_again():
    assert run([90, 90, 79, 79, 74, 79], k=2, n=2)[1] == "ucccco"


@pytest.mark.parametrize(
    "rule",
    [Rule("temperature_c", warn="80", per="gpu"), Rule("temperature_c", deviation=Deviation(9.0, 1), clear="75")],
    ids=["without", "deviation"],
)
def test_without_clear_a_fault_ends_at_its_threshold(rule: Rule):
    assert run([82, 79], rule)[1][-1] == "o"


def test_it_says_what_it_waits_for():
    check = Check("c", Text("s"), Text("w"), "gpu", (RULE,), 60.0, 5.0)
    hot, warm = (
        evaluate(check, Reading(samples=(Sample("temperature_c", value, "", {"gpu": "0"}),)), 0.0)
        for value in (90.0, 79.0)
    )
    verdict = held(check, warm, hot)
    assert verdict.status is Status.OK
    assert str(verdict.items[0].text) == "temperature_c 0 79, not yet well: that begins at 75"
    assert list(verdict.held.values()) == [Status.CRITICAL]


def test_a_series_that_is_gone_holds_nothing():
    check = Check("c", Text("s"), Text("w"), "gpu", (RULE,), 60.0, 5.0)
    hot, cool = (
        evaluate(check, Reading(samples=(Sample("temperature_c", value, "", {"gpu": gpu}),)), 0.0)
        for value, gpu in ((90.0, "0"), (79.0, "1"))
    )
    assert held(check, cool, hot).held == {}
