"""The walk: the first cause that the questions lead to, how sure it is, what else is wrong, what could not be told."""

from __future__ import annotations

import itertools

import pytest

from opskit.model.diagnosis import Diagnosis
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.reading import Fact, Reading
from opskit.triage.tree import Tree
from opskit.triage.walk import Waiting, walk
from tests.triage.builders import dark, make_readings, make_tree

WELL: dict[str, Fact] = {"web.refused": False, "web.answer_s": 1.0, "card.hot": False, "card.hottest_c": 50.0}


def diagnosed(tree: Tree | None = None, **changed: Fact) -> Diagnosis:
    facts = {**WELL, **{name.replace("__", "."): value for name, value in changed.items()}}
    found = walk(tree or make_tree(), make_readings(facts))
    assert isinstance(found, Diagnosis)
    return found


def told(found: Diagnosis) -> str:
    """One line that says what a diagnosis came to."""
    end = found.outcome if found.finding is None else f"{found.finding.cause.code} {found.finding.certainty}"
    steps = " ".join(f"{answered.step}={answered.answer}" for answered in found.walked)
    seen = ",".join(f"{finding.cause.code} {finding.certainty}" for finding in found.also_seen)
    return f"{end}; {steps}; {seen or '-'}"


WALKS = [
    ({}, "healthy; refused=no slow=no hot=no; -"),
    ({"web__refused": True}, "OPS901 certain; refused=yes; -"),
    ({"card__hot": True}, "OPS902 certain; refused=no slow=no hot=yes; -"),
    # the parameter decides, and its very value is still within it
    ({"card__hottest_c": 85.0}, "healthy; refused=no slow=no hot=no; -"),
    ({"card__hottest_c": 85.1}, "OPS902 probable; refused=no slow=no hot=yes; -"),
    ({"web__answer_s": 3.1}, "healthy; refused=no slow=yes hot=no; -"),
    # an unknown answer on the way may hide an earlier cause
    ({"web__refused": None, "card__hot": True}, "OPS902 probable; refused=unknown slow=no hot=yes; -"),
    ({"card__hot": None}, "unknown; refused=no slow=no hot=unknown; -"),
    # what decides needs no others
    ({"card__hot": True, "card__hottest_c": None}, "OPS902 certain; refused=no slow=no hot=yes; -"),
    # a second fault is listed, with its own certainty
    ({"web__refused": True, "card__hot": True}, "OPS901 certain; refused=yes; OPS902 certain"),
    ({"web__refused": True, "card__hottest_c": 99.0}, "OPS901 certain; refused=yes; OPS902 probable"),
    ({"web__refused": True, "card__hot": None, "card__hottest_c": None}, "OPS901 certain; refused=yes; -"),
    # a stage without any answer is not health, even where the last question was answered well
    ({"web__refused": None, "web__answer_s": None}, "unknown; refused=unknown slow=unknown hot=no; -"),
    ({"web__refused": None}, "healthy; refused=unknown slow=no hot=no; -"),
]


@pytest.mark.parametrize(("changed", "line"), WALKS)
def test_the_walk_ends_where_the_facts_lead(changed, line):
    assert told(diagnosed(**changed)) == line


def test_what_the_named_cause_may_bring_along_is_said_to_follow_from_it_and_stands_last():
    tree = make_tree(("    layer: gpu\n", "    layer: gpu\n    follows: [OPS901, OPS903]\n"))
    found = diagnosed(tree, web__refused=True, card__hot=True)
    assert [(item.cause.code, item.follows) for item in found.also_seen] == [("OPS902", "OPS901")]
    alone = diagnosed(tree, card__hot=True)
    assert alone.finding is not None
    assert alone.finding.follows == ""


def test_a_cause_without_a_proof_of_its_own_is_never_certain():
    assert told(diagnosed(make_tree(("    certain_if: web.refused\n", "")), web__refused=True)).startswith(
        "OPS901 prob"
    )


def test_also_seen_asks_each_other_question_and_believes_only_a_yes():
    tree = make_tree(("    no: {end: healthy}", "    no: {cause: OPS901}"))
    assert told(diagnosed(tree)) == "OPS901 probable; refused=no slow=no hot=no; -"
    # Here `hot` is not on the way. Its "no" leads to OPS901 too, and yet that is no finding beside the verdict.
    short = make_tree(("    no: {end: healthy}", "    no: {cause: OPS901}"), ("start: refused", "start: slow"),
                      ("    no: hot", "    no: {end: unknown}"))  # fmt: skip
    assert told(diagnosed(short)) == "unknown; slow=no; -"
    assert told(diagnosed(short, card__hot=True)) == "unknown; slow=no; OPS902 certain"


def test_the_walk_waits_for_the_probes_that_its_step_needs_and_for_no_others():
    tree = make_tree()
    assert walk(tree, {}) == Waiting("refused", ("web",))
    web = make_readings({"web.refused": False, "web.answer_s": 1.0})
    assert walk(tree, web) == Waiting("hot", ("card",))
    decided = walk(tree, make_readings({"web.refused": True}))
    assert isinstance(decided, Diagnosis)
    assert told(decided) == "OPS901 certain; refused=yes; -"
    assert decided.others[-1].measured[0].why == say("no answer within the time for this walk")


def test_a_probe_that_failed_is_waited_for_no_longer_and_named_with_its_reason():
    readings = {**make_readings(WELL), "web": dark("no permission")}
    found = walk(make_tree(), readings)
    assert isinstance(found, Diagnosis)
    assert told(found) == "unknown; refused=unknown slow=unknown hot=no; -"
    assert [(item.subject, str(item.reason)) for item in found.unread] == [("web", "no permission")]


def test_a_single_fact_that_could_not_be_told_is_named_with_its_reason():
    readings = make_readings({**WELL, "card.hot": None})
    readings["card"] = Reading(facts={"hot": None, "hottest_c": 50.0}, why={"hot": say("the driver does not tell")})
    found = walk(make_tree(), readings)
    assert isinstance(found, Diagnosis)
    assert [(item.subject, str(item.reason)) for item in found.unread] == [("card.hot", "the driver does not tell")]


def test_the_order_of_arrival_changes_nothing():
    readings = {"web": dark("a"), "card": dark("b")}
    found = [walk(make_tree(), dict(order)) for order in itertools.permutations(readings.items())]
    assert found[0] == found[1]
    assert isinstance(found[0], Diagnosis)
    assert [item.subject for item in found[0].unread] == ["web", "card"]


def test_the_proof_is_what_was_measured_with_where_it_was_read():
    place = Evidence("http://web/", field="connect")
    readings = make_readings(WELL)
    readings["web"] = Reading(facts={"refused": True, "failure": None}, evidence={"refused": (place,)})
    found = walk(make_tree(), readings)
    assert isinstance(found, Diagnosis)
    assert found.finding is not None
    assert [(item.fact, item.value, item.evidence) for item in found.finding.proof] == [("web.refused", True, (place,))]


@pytest.mark.parametrize(
    ("value", "places", "proves"),
    [
        (True, (), True),
        (False, (), False),
        (False, (Evidence("x"),), True),
        (None, (Evidence("x"),), False),
        (0, (), True),
    ],
)
def test_a_no_that_was_read_nowhere_proves_nothing(value, places, proves):
    tree = make_tree(("proof: [card.hottest_c]", "proof: [web.errors]"))
    readings = make_readings({**WELL, "card.hot": True})
    readings["web"] = Reading(facts={"refused": False, "answer_s": 1.0, "errors": value}, evidence={"errors": places})
    found = walk(tree, readings)
    assert isinstance(found, Diagnosis)
    assert found.finding is not None
    assert [item.fact for item in found.finding.proof] == (["web.errors"] if proves else [])


def test_the_numbers_of_the_contract_go_with_the_diagnosis():
    assert diagnosed().params == {"slow_s": 3.0, "hot_c": 85.0}
