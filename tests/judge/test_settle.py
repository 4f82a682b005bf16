"""A state is confirmed by k of the newest n results, and ended by as many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.settle import settle
from opskit.model.check import Check, Rule, Sustain
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict

LETTERS = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "u": Status.UNKNOWN}
NAMES = {status: letter for letter, status in LETTERS.items()}


def make_check(k: int, n: int) -> Check:
    return Check("c", Text("s"), Text("w"), "host", (Rule("m"),), every=60.0, timeout=5.0, sustain=Sustain(k, n))


def settled(k: int, n: int, results: str) -> list[tuple[State, Flip | None]]:
    """Settle the results one after the other, a minute apart."""
    check, state, history = make_check(k, n), None, []
    for minute, letter in enumerate(results):
        state, flip = settle(check, state, Verdict("c", LETTERS[letter], (), 60.0 * minute), "words")
        history.append((state, flip))
    return history


HARD = [
    # k of n confirms, whatever stands between
    ("1 of 1", "owcuo", "owcco"),
    ("4 of 6", "ooowww", "oooooo"),
    ("4 of 6", "oowwwwww", "ooooowww"),
    ("4 of 6", "oowowowow", "ooooooooo"),
    ("4 of 6", "owwoowwoo", "oooooowwo"),
    # k good ones of n end it, also with a bad one between
    ("4 of 6", "wwwwoooo", "uuuwwwwo"),
    ("4 of 6", "wwwwooowo", "uuuwwwwwo"),
    ("2 of 3", "wwowow", "uwwwow"),
    # not while k are still bad
    ("2 of 6", "wwoooo", "uwwwww"),
    ("2 of 6", "wwooooo", "uwwwwwo"),
    ("2 of 6", "wwoooouo", "uwwwwwwo"),
    # UNKNOWN neither confirms a fault nor ends it
    ("4 of 6", "owwwuuuuuuuu", "ooooooouuuuu"),
    ("4 of 6", "wwwwuuuuuuuuu", "uuuwwwwwwwwww"),
    ("4 of 6", "wwwwuuuuuuoooo", "uuuwwwwwwwwwwo"),
    ("3 of 5", "wuwuw", "uuuuw"),
    # where no fault stands, k in a row make it UNKNOWN, and one look ends that
    ("3 of 5", "ouuuo", "ooouo"),
    ("3 of 5", "ouuwuu", "oooooo"),
    ("3 of 5", "uuuo", "uuuo"),
    # the first results: a fault counts only once it is confirmed
    ("3 of 5", "o", "o"),
    ("3 of 5", "w", "u"),
    ("3 of 5", "wwo", "uuo"),
    ("3 of 5", "wcw", "uuw"),
    # severity: as many critical ones are needed for CRITICAL; down again once none is in sight
    ("3 of 5", "wwwccc", "uuwwwc"),
    ("3 of 5", "cccwww", "uucccc"),
    ("3 of 5", "cccwwwww", "uucccccw"),
    ("3 of 5", "wwwcwww", "uuwwwww"),
    ("3 of 5", "cccuuwww", "uucccccw"),
]  # fmt: skip


@pytest.mark.parametrize(("sustain", "results", "expected"), HARD)
def test_the_confirmed_state_follows_the_newest_results(sustain, results, expected):
    k, n = (int(number) for number in sustain.split(" of "))
    assert "".join(NAMES[state.hard] for state, _ in settled(k, n, results)) == expected


FLIPS = [
    ("1 of 1", "oowwco", ["2:o>w", "4:w>c", "5:c>o"]),
    ("1 of 1", "o", []),
    ("1 of 1", "c", ["0:->c"]),
    ("1 of 1", "u", ["0:->u"]),
    ("2 of 3", "oowwoo", ["3:o>w", "5:w>o"]),
    ("2 of 3", "owowowo", ["3:o>w", "4:w>o", "5:o>w", "6:w>o"]),
    ("2 of 3", "owuuuuu", ["3:o>u"]),
]


@pytest.mark.parametrize(("sustain", "results", "expected"), FLIPS)
def test_each_change_of_the_confirmed_state_is_a_flip_and_nothing_else_is(sustain, results, expected):
    k, n = (int(number) for number in sustain.split(" of "))
    flips = [flip for _, flip in settled(k, n, results) if flip]
    told = [f"{flip.at / 60:.0f}:{NAMES[flip.before] if flip.before else '-'}>{NAMES[flip.after]}" for flip in flips]
    assert told == expected
    assert {(flip.check, flip.summary) for flip in flips} <= {("c", "words")}


def test_a_state_knows_since_when_and_until_when_it_holds():
    history = settled(2, 3, "oowww")
    assert [state.since for state, _ in history] == [0, 0, 0, 180, 180]
    assert [state.at for state, _ in history] == [0, 60, 120, 180, 240]
    assert [state.valid_until for state, _ in history] == [180, 240, 300, 360, 420]


def test_a_state_is_soft_while_the_newest_result_is_another():
    assert [state.soft for state, _ in settled(2, 3, "owwo")] == [False, True, False, True]


def test_only_as_many_results_are_kept_as_count():
    assert [len(state.recent) for state, _ in settled(2, 3, "owowow")] == [1, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(("k", "n"), [(1, 1), (2, 2), (4, 4)])
def test_a_changed_definition_goes_on_with_the_results_there_are(k, n):
    state, _ = settled(4, 6, "oowwww")[-1]
    after, _ = settle(make_check(k, n), state, Verdict("c", Status.WARNING, (), 999.0), "words")
    assert after.hard is Status.WARNING
    assert len(after.recent) == n


def reference(k: int, n: int, results: list[Status]) -> list[Status]:
    """The rules as the documentation of `for` tells them, over the whole list at every step."""
    hard: Status | None = None
    told = []
    for last in range(len(results)):
        window = results[max(0, last + 1 - n) : last + 1]
        bad = sum(status in (Status.WARNING, Status.CRITICAL) for status in window)
        fault = hard in (Status.WARNING, Status.CRITICAL)
        if bad >= k:
            critical = window.count(Status.CRITICAL)
            stays = hard is Status.CRITICAL and critical > 0
            hard = Status.CRITICAL if critical >= k or stays else Status.WARNING
        elif window[-1] is Status.OK and (not fault or window.count(Status.OK) >= k):
            hard = Status.OK
        elif not fault and (hard is None or window[-k:] == [Status.UNKNOWN] * k):
            hard = Status.UNKNOWN
        told.append(hard)
    return told


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    st.text(alphabet="owcu", max_size=40),
)
def test_any_results_settle_as_the_documented_rules_say(sustain, results):
    k, n = sustain
    hard = [state.hard for state, _ in settled(k, n, results)]
    assert hard == reference(k, n, [LETTERS[letter] for letter in results])


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))), st.text("owcu", max_size=40))
def test_a_fault_never_begins_or_ends_by_unknown(sustain, results):
    k, n = sustain
    before = None
    for state, _ in settled(k, n, results):
        if state.seen is Status.UNKNOWN and before is not None:
            assert state.hard in {before, Status.UNKNOWN, Status.WARNING}
            assert (state.hard in {Status.WARNING, Status.CRITICAL}) is (before in {Status.WARNING, Status.CRITICAL})
        before = state.hard
