"""The tree of a stuck chat: in whatever order readings arrive, the walk comes to one end and names nothing twice."""

from __future__ import annotations

import random

import pytest

from opskit.model.diagnosis import Diagnosis
from opskit.model.reading import Reading
from opskit.triage.walk import Waiting, walk
from tests.triage.paths import Facts
from tests.triage.world import verdict, world

HERE = world("chat-stuck")
BOOK, TREE, FINDER, WAYS = HERE.book, HERE.tree, HERE.finder, HERE.ways
readings_of, diagnosed = HERE.readings_of, HERE.diagnosed
# The causes of steps that ask what users see.
TOLD = {BOOK.steps[step].then["yes"].cause for step, when in TREE.when.items() if "person.symptom" in when.facts}


def test_the_facts_found_for_a_way_lead_along_it():
    reached = [(way, target, facts) for way, target in WAYS if (facts := FINDER.facts_for(way)) is not None]
    assert len(reached) > len(BOOK.steps)
    for way, target, facts in reached:
        found = diagnosed(facts)
        assert [answered.step for answered in found.walked] == [step for step, _ in way]
        assert all(answered.answer in answers for answered, (_, answers) in zip(found.walked, way, strict=True))
        assert (found.finding.cause.code if found.finding else None) == target.cause


def some_facts(seed: int) -> Facts:
    """A random world: each fact one of the values that matter."""
    chance = random.Random(seed)
    world = {fact: chance.choice(choices) for fact, choices in FINDER.choices.items()}
    return world | {"person.symptom": "untold"}


@pytest.mark.parametrize("seed", range(80))
def test_readings_that_arrive_in_any_order_come_to_the_same_diagnosis(seed):
    readings = readings_of(some_facts(seed))
    order = list(readings)
    random.Random(-seed).shuffle(order)
    arrived: dict[str, Reading] = {}
    early: list[Diagnosis] = []
    for name in order:
        arrived[name] = readings[name]
        found = walk(TREE, arrived)
        if isinstance(found, Waiting):
            assert set(found.probes) <= set(order) - set(arrived)
            assert found.probes
        else:
            early.append(found)
    last = walk(TREE, readings)
    assert early[-1] == last
    assert isinstance(last, Diagnosis)
    # What stood once stands: the same end by the same steps, however much was still to come.
    for found in early:
        assert verdict(found)[:2] == verdict(last)[:2]
        assert [(step.step, step.answer) for step in found.walked] == [(step.step, step.answer) for step in last.walked]


@pytest.mark.parametrize("seed", range(80))
def test_a_fact_that_becomes_unknown_never_turns_one_cause_into_another_certain_one(seed):
    facts = some_facts(seed)
    before = diagnosed(facts)
    for fact in random.Random(seed).sample(sorted(facts), 25):
        after = diagnosed({**facts, fact: None})
        if after.finding and before.finding and after.finding.cause != before.finding.cause:
            assert after.finding.certainty == "probable"
        if before.outcome == "fault" and not after.finding:
            assert after.outcome == "unknown" or all(step.answer != "unknown" for step in after.walked)


@pytest.mark.parametrize("symptom", ["waiting", "error", "empty", "slow"])
@pytest.mark.parametrize("seed", range(20))
def test_what_a_person_says_chooses_among_what_was_seen_and_invents_nothing(seed, symptom):
    facts = some_facts(seed)
    before, after = diagnosed(facts), diagnosed({**facts, "person.symptom": symptom})

    def seen(found: Diagnosis) -> set[str]:
        return {item.cause.code for item in (found.finding, *found.also_seen) if item is not None}

    assert seen(before) <= seen(after) <= seen(before) | TOLD
    assert after.finding is None or after.finding.cause.code in seen(after)
    explaining = [item for item in after.also_seen if item.cause.symptoms and item.cause.explains(symptom)]
    assert after.finding is None or after.finding.cause.explains(symptom) or not explaining


@pytest.mark.parametrize("seed", range(80))
def test_also_seen_is_what_other_questions_answered_with_yes_and_nothing_twice(seed):
    found = diagnosed(some_facts(seed))
    seen = [finding.cause.code for finding in found.also_seen]
    asked_aside = {BOOK.steps[other.step].then["yes"].cause for other in found.others if other.answer == "yes"}
    assert set(seen) == asked_aside - {None, found.finding and found.finding.cause.code}
    assert len(seen) == len(set(seen))
    assert {other.step for other in found.others} | {walked.step for walked in found.walked} == set(BOOK.steps)


def test_without_any_reading_the_walk_waits_and_without_any_fact_it_cannot_tell():
    waiting = walk(TREE, {})
    assert isinstance(waiting, Waiting)
    assert waiting.step == BOOK.start
    nothing = diagnosed({})
    assert (nothing.outcome, nothing.finding, nothing.also_seen) == ("unknown", None, ())
    assert {answered.answer for answered in nothing.walked} == {"unknown"}
