"""The shipped tree: every branch can be taken, every cause be reached, and every threshold decides something."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator

import pytest

from opskit.definitions import playbooks
from opskit.model.diagnosis import Diagnosis
from opskit.model.reading import Reading
from opskit.probes.base import fact_kinds
from opskit.probes.registry import probe
from opskit.triage.expression import Schema, compile_expression
from opskit.triage.tree import Tree, grow
from opskit.triage.walk import Waiting, walk
from tests.triage.builders import make_readings
from tests.triage.paths import ANSWERS, TRUTH, Facts, Finder, Leg, Wanted, ways

BOOK = playbooks.load().good["chat-stuck"]
KINDS = {use.probe: fact_kinds(probe(use.probe)) for use in BOOK.probes.values()}
SCHEMA: Schema = {name: KINDS[use.probe] for name, use in BOOK.probes.items()}
TREE = grow(BOOK, KINDS)
FINDER = Finder(TREE, SCHEMA)
WAYS = list(ways(BOOK))
# The causes of steps that ask what users see.
TOLD = {BOOK.steps[step].then["yes"].cause for step, when in TREE.when.items() if "person.symptom" in when.facts}
FLIPPED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


def readings_of(facts: Facts) -> dict[str, Reading]:
    """Readings of all probes; what is not given could not be told."""
    return {name: Reading() for name in BOOK.probes} | make_readings(facts)


def diagnosed(facts: Facts, tree: Tree = TREE) -> Diagnosis:
    found = walk(tree, readings_of(facts))
    assert isinstance(found, Diagnosis)
    return found


def verdict(found: Diagnosis) -> tuple[object, ...]:
    """What the person on duty acts on."""
    cause = found.finding.cause.code if found.finding else None
    return found.outcome, cause, frozenset(finding.cause.code for finding in found.also_seen)


def test_the_facts_found_for_a_way_lead_along_it():
    reached = [(way, target, facts) for way, target in WAYS if (facts := FINDER.facts_for(way)) is not None]
    assert len(reached) > len(BOOK.steps)
    for way, target, facts in reached:
        found = diagnosed(facts)
        assert [answered.step for answered in found.walked] == [step for step, _ in way]
        assert all(answered.answer in answers for answered, (_, answers) in zip(found.walked, way, strict=True))
        assert (found.finding.cause.code if found.finding else None) == target.cause


def leading_to(code: str, *more: Wanted, clear: bool = False) -> Iterator[Diagnosis]:
    """Diagnoses of a cause, one for each way to it; `clear` ways have no unknown answer."""
    for way, target in WAYS:
        known = [
            (step, tuple(answer for answer in answers if answer != "unknown" or not clear)) for step, answers in way
        ]
        if target.cause == code and all(answers for _, answers in known):
            facts = FINDER.facts_for(known, *more)
            if facts is not None:
                yield diagnosed(facts)


@pytest.mark.parametrize("code", BOOK.causes)
def test_every_cause_can_be_the_verdict(code):
    found = list(leading_to(code))
    assert {diagnosis.finding.cause.code for diagnosis in found if diagnosis.finding} == {code}


@pytest.mark.parametrize("code", TREE.certain_if)
def test_what_proves_a_cause_makes_it_certain_and_what_does_not_leaves_it_probable(code):
    proven = (TREE.certain_if[code], frozenset({True}))
    found = next(leading_to(code, proven, clear=True))
    assert found.finding is not None
    assert found.finding.certainty == "certain"
    open_to_doubt = (TREE.certain_if[code], frozenset({False, None}))
    for doubted in leading_to(code, open_to_doubt):
        assert doubted.finding is not None
        assert doubted.finding.certainty == "probable"


@pytest.mark.parametrize("code", BOOK.causes)
def test_an_unknown_answer_on_the_way_leaves_only_a_probable_cause(code):
    for found in leading_to(code):
        blurred = any(answered.answer == "unknown" for answered in found.walked)
        assert found.finding is not None
        assert not blurred or found.finding.certainty == "probable"


def through(step: str, answer: str) -> Iterator[Leg]:
    """The ways that take this very branch."""
    for way, _ in WAYS:
        if any(passed == step and answer in answers for passed, answers in way):
            yield [(passed, (answer,) if passed == step else answers) for passed, answers in way]  # type: ignore[misc]


@pytest.mark.parametrize(("step", "answer"), [(step, answer) for step in BOOK.steps for answer in ANSWERS])
def test_every_branch_of_every_step_can_be_taken(step, answer):
    facts = next((facts for way in through(step, answer) if (facts := FINDER.facts_for(way)) is not None), None)
    assert facts is not None
    assert (step, answer) in {(answered.step, answered.answer) for answered in diagnosed(facts).walked}


def mutants() -> Iterator[tuple[str, str]]:
    """Every step with one comparison turned round."""
    for name, expression in TREE.when.items():
        root = ast.parse(expression.text, mode="eval")
        for node in [node for node in ast.walk(root) if isinstance(node, ast.Compare)]:
            kept = node.ops[0]
            node.ops[0] = FLIPPED[type(kept)]()
            yield name, ast.unparse(root)
            node.ops[0] = kept


@pytest.mark.parametrize(("step", "text"), list(mutants()))
def test_turning_any_comparison_round_changes_some_verdict(step, text):
    flipped = compile_expression(text, SCHEMA, TREE.params)
    other = Tree(BOOK, {**TREE.when, step: flipped}, TREE.certain_if, TREE.verify)
    changed = None
    for way in (way for answer in ANSWERS for way in through(step, answer)):
        (answers,) = (answers for passed, answers in way if passed == step)
        others = frozenset({True, False, None}) - {TRUTH[answer] for answer in answers}
        facts = FINDER.facts_for(way, (flipped, others))
        if facts is not None and verdict(diagnosed(facts)) != verdict(diagnosed(facts, other)):
            changed = facts
            break
    assert changed is not None


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


def test_health_is_told_only_where_every_stage_has_given_an_answer():
    stages = set(range(1, len(BOOK.stages) + 1))
    healthy = [diagnosed(facts) for way, target in WAYS if target.end == "healthy" and (facts := FINDER.facts_for(way))]
    assert {found.outcome for found in healthy} <= {"healthy", "unknown"}
    assert "healthy" in {found.outcome for found in healthy}
    for found in healthy:
        lit = {answered.stage for answered in found.walked if answered.answer != "unknown"}
        assert (found.outcome == "healthy") is (lit == stages)


def test_without_any_reading_the_walk_waits_and_without_any_fact_it_cannot_tell():
    waiting = walk(TREE, {})
    assert isinstance(waiting, Waiting)
    assert waiting.step == BOOK.start
    nothing = diagnosed({})
    assert (nothing.outcome, nothing.finding, nothing.also_seen) == ("unknown", None, ())
    assert {answered.answer for answered in nothing.walked} == {"unknown"}
