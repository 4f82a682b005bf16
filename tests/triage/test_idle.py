"""Questions that decide nothing are named: one answer only, one way only, or known already."""

from __future__ import annotations

import pytest

from opskit.triage.constant import always
from opskit.triage.expression import compile_expression
from opskit.triage.lint import lint
from tests.triage.builders import FACTS, make_playbook

PARAMS = {"slow_s": 3.0, "hot_c": 85.0}
ONE_ANSWER = [
    ("card.hottest_c > 90 and card.hottest_c < 80", False),
    ("card.hottest_c > hot_c and not card.hottest_c > hot_c", False),
    ("card.hottest_c > hot_c and card.hottest_c <= 85", False),
    ("card.hottest_c > 5 or card.hottest_c <= 5", True),
    ("card.hottest_c != 5 or card.hottest_c != 6", True),
    ("card.hottest_c == 5 and card.hottest_c == 6", False),
    ("card.hot or not card.hot", True),
    ("card.hot and not card.hot", False),
    ("card.hot == True and card.hot == False", False),
    ("card.hot and 2 < 1", False),
    ("card.hot or slow_s <= 3", True),
    ("web.failure == 'a' and web.failure == 'b'", False),
    ("web.failure != 'a' or web.failure != 'b'", True),
    ("web.errors > web.errors", False),
    ("web.errors >= web.errors", True),
    ("web.answer_s > web.errors and not web.answer_s > web.errors", False),
    ("not (card.hot or web.refused) and card.hot", False),
    ("card.hot or True", True),
]
BOTH = [
    "card.hottest_c > 80 and card.hottest_c < 90",
    "card.hottest_c >= 5 and card.hottest_c <= 5",
    "card.hottest_c == 5 or card.hottest_c == 6",
    "card.hot",
    "not card.hot",
    "card.hot or web.refused",
    "web.failure != ''",
    "web.failure == 'a' or web.failure == 'b'",
    "web.errors > web.answer_s",
    "web.errors > 2 and web.answer_s > 2 and web.errors > web.answer_s",
    " and ".join(f"(web.errors > {n} or card.hottest_c > {n})" for n in range(8)),
]


@pytest.mark.parametrize(("text", "answer"), ONE_ANSWER)
def test_a_condition_that_comes_to_one_answer_only_is_found(text: str, answer: bool) -> None:
    assert always(compile_expression(text, FACTS, PARAMS), PARAMS) is answer


@pytest.mark.parametrize("text", BOTH)
def test_a_condition_that_may_come_to_both_is_none(text: str) -> None:
    assert always(compile_expression(text, FACTS, PARAMS), PARAMS) is None


def told(*changes: tuple[str, str]) -> list[tuple[str, bool]]:
    return [(problem.render(), problem.advice) for problem in lint(make_playbook(*changes), FACTS)]


IDLE = ("small.yaml:23: steps.slow: all answers lead to the same place", True)


def test_a_question_all_of_whose_answers_lead_to_one_place_is_an_advice() -> None:
    assert told() == [IDLE]
    assert told(("yes: hot\n    no: hot\n    unknown: hot", "yes: hot\n    no: hot\n    unknown: {end: unknown}")) == []


def test_a_condition_with_one_answer_is_a_mistake() -> None:
    assert told(("card.hot or card.hottest_c > hot_c", "card.hottest_c > hot_c and card.hottest_c < 80")) == [
        IDLE,
        ("small.yaml:33: steps.hot.when: whatever its facts are, the answer is no", False),
    ]


def test_a_condition_that_every_way_has_answered_already_is_a_mistake() -> None:
    asked = "steps.refused has asked this already on the way here, so the answer is no, unknown"
    assert told(("card.hot or card.hottest_c > hot_c", "(web.refused)")) == [
        IDLE,
        (f"small.yaml:33: steps.hot.when: {asked}", False),
    ]


def test_a_condition_that_only_some_ways_have_answered_is_an_advice() -> None:
    changes = [("yes: {cause: OPS901}", "yes: slow"), ("web.answer_s > slow_s", "web.refused"),
               ("yes: hot\n    no: hot", "yes: {cause: OPS901}\n    no: hot")]  # fmt: skip
    assert told(*changes) == [
        ("small.yaml:15: steps.refused: all answers lead to the same place", True),
        ("small.yaml:26: steps.slow.when: steps.refused asks the same", True),
    ]


def test_what_cannot_be_told_and_ends_like_a_yes_is_an_advice() -> None:
    assert told(
        ("no: {end: healthy}\n    unknown: {end: unknown}", "no: {end: healthy}\n    unknown: {cause: OPS902}")
    ) == [
        IDLE,
        ("small.yaml:36: steps.hot.unknown: what cannot be told ends like a yes", True),
    ]


def test_a_walk_in_circles_is_looked_at_as_well() -> None:
    lines = [line for line, _ in told(("no: {end: healthy}", "no: refused"), ("card.hot or ", "card.hot and "))]
    assert "small.yaml:15: steps.refused: the walk can come back to this step" in lines
