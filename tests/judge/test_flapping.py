"""A check that comes and goes is told as such, by Nagios' measure and by time."""

from __future__ import annotations

import pytest

from opskit.judge.flapping import BEGIN_PCT, RING, changed_pct, flapping_since, ringed
from opskit.judge.settle import settle
from opskit.model.check import Check, Rule, Sustain
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict

OK, CRITICAL, UNKNOWN = Status.OK, Status.CRITICAL, Status.UNKNOWN


def ring(letters: str) -> tuple[Status, ...]:
    return tuple({"o": OK, "c": CRITICAL, "w": Status.WARNING}[letter] for letter in letters)


@pytest.mark.parametrize(
    ("letters", "percent"),
    [
        # as nagioscore's own weights have it: one change is 3.75 to 6.25 %, the newest counts most
        ("o" * 20 + "c", 6.25),
        ("o" + "c" * 20, 3.75),
        ("o" * 19 + "co", 12.4),
        ("o" * 18 + "coc", 18.4),
        ("o" * 17 + "coco", 24.2),
        ("oc" * 10 + "o", 100.0),
        ("o" * 21, 0.0),
        ("c", 0.0),
        ("", 0.0),
        ("oc", 6.25),
        ("ow" * 10 + "o", 100.0),
    ],
)
def test_the_measure_is_nagios(letters: str, percent: float):
    assert changed_pct(ring(letters)) == pytest.approx(percent, abs=0.06)


def test_the_ring_keeps_the_newest_and_no_unknown_states():
    states = ring("o" * RING)
    assert ringed(states, CRITICAL) == (*states[1:], CRITICAL)
    assert ringed(states, UNKNOWN) == states
    assert ringed((), UNKNOWN) == ()


def test_it_begins_at_thirty_percent_and_ends_below_twenty():
    busy, less, calm = ring("o" * 15 + "cococo"), ring("o" * 17 + "coco"), ring("o" * 18 + "coc")
    assert changed_pct(busy) >= BEGIN_PCT > changed_pct(less)
    assert flapping_since(None, busy, 500.0, 0.0, 60.0) == 500.0
    assert flapping_since(None, less, 500.0, 0.0, 60.0) is None
    assert flapping_since(100.0, less, 500.0, 0.0, 60.0) == 100.0
    assert flapping_since(100.0, calm, 500.0, 0.0, 60.0) is None


def test_half_an_hour_and_three_runs_of_one_state_end_it():
    busy = ring("oc" * 10 + "o")
    assert flapping_since(100.0, busy, 5000.0, 1799.0, 60.0) == 100.0
    assert flapping_since(100.0, busy, 5000.0, 1800.0, 60.0) is None
    assert flapping_since(100.0, busy, 9000.0, 1800.0, 900.0) == 100.0
    assert flapping_since(100.0, busy, 9000.0, 2700.0, 900.0) is None


def test_what_runs_once_a_day_does_not_flap_whatever_it_says():
    assert flapping_since(None, ring("oc" * 10 + "o"), 5000.0, 0.0, 86_400.0) is None


def test_settling_sees_it_begin_and_end():
    check = Check("c", Text("s"), Text("w"), "host", (Rule("m"),), every=60.0, timeout=5.0, sustain=Sustain(1, 1))
    state, since = None, list[float | None]()
    for minute in range(60):
        status = CRITICAL if minute % 2 and minute < 12 else OK
        state, _ = settle(check, state, Verdict("c", status, (), 60.0 * minute), "words")
        since.append(state.flapping_since)
    assert state is not None
    began = next(minute for minute, at in enumerate(since) if at is not None)
    assert since[began] == 60.0 * began
    ended = next(minute for minute in range(began, 60) if since[minute] is None)
    # the last change is that of the twelfth minute
    assert 12 < ended <= 12 + 30
    assert since[ended:] == [None] * (60 - ended)
    assert len(state.ring) == RING
