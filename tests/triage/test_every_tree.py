"""Every shipped tree: each cause can be the verdict, each branch be taken, and each comparison decides something."""

from __future__ import annotations

import pytest

from tests.triage.paths import ANSWERS
from tests.triage.world import BOOKS, world

CAUSES = [(book, code) for book in BOOKS for code in world(book).book.causes]
BRANCHES = [(book, step, answer) for book in BOOKS for step in world(book).book.steps for answer in ANSWERS]
MUTANTS = [(book, step, text) for book in BOOKS for step, text in world(book).mutants()]


@pytest.mark.parametrize(("book", "code"), CAUSES)
def test_every_cause_can_be_the_verdict(book, code):
    found = list(world(book).leading_to(code))
    assert {diagnosis.finding.cause.code for diagnosis in found if diagnosis.finding} == {code}


@pytest.mark.parametrize(("book", "code"), CAUSES)
def test_an_unknown_answer_on_the_way_leaves_only_a_probable_cause(book, code):
    for found in world(book).leading_to(code):
        blurred = any(answered.answer == "unknown" for answered in found.walked)
        assert found.finding is not None
        assert not blurred or found.finding.certainty == "probable"


@pytest.mark.parametrize(("book", "code"), [(book, code) for book in BOOKS for code in world(book).tree.certain_if])
def test_what_proves_a_cause_makes_it_certain_and_what_does_not_leaves_it_probable(book, code):
    here = world(book)
    proven = (here.tree.certain_if[code], frozenset({True}))
    found = next(here.leading_to(code, proven, clear=True))
    assert found.finding is not None
    assert found.finding.certainty == "certain"
    open_to_doubt = (here.tree.certain_if[code], frozenset({False, None}))
    for doubted in here.leading_to(code, open_to_doubt):
        assert doubted.finding is not None
        assert doubted.finding.certainty == "probable"


@pytest.mark.parametrize(("book", "step", "answer"), BRANCHES)
def test_every_branch_of_every_step_can_be_taken(book, step, answer):
    here = world(book)
    facts = next((facts for way in here.through(step, answer) if (facts := here.finder.facts_for(way))), None)
    assert facts is not None
    assert (step, answer) in {(answered.step, answered.answer) for answered in here.diagnosed(facts).walked}


@pytest.mark.parametrize(("book", "step", "text"), MUTANTS)
def test_turning_any_comparison_round_changes_some_verdict(book, step, text):
    assert world(book).told_apart(step, text) is not None


@pytest.mark.parametrize("book", BOOKS)
def test_health_is_told_only_where_every_stage_has_given_an_answer(book):
    here = world(book)
    stages = set(range(1, len(here.book.stages) + 1))
    ways = [way for way, target in here.ways if target.end == "healthy"]
    healthy = [here.diagnosed(facts) for way in ways if (facts := here.finder.facts_for(way))]
    assert "healthy" in {found.outcome for found in healthy}
    for found in healthy:
        lit = {answered.stage for answered in found.walked if answered.answer != "unknown"}
        assert found.outcome == ("healthy" if lit == stages else "unknown")


@pytest.mark.parametrize("book", BOOKS)
def test_without_any_fact_no_tree_can_tell(book):
    nothing = world(book).diagnosed({})
    assert (nothing.outcome, nothing.finding, nothing.also_seen) == ("unknown", None, ())
    assert {answered.answer for answered in nothing.walked} == {"unknown"}
