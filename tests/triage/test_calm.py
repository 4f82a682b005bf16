"""The calm day that tests of playbooks begin with: healthy, nothing seen besides, and the plainest that is."""

from __future__ import annotations

import pytest

from opskit.model.reading import Reading
from opskit.triage.calm import calm_facts
from opskit.triage.expression import Kind
from opskit.triage.walk import walk
from tests.triage.builders import FACTS, make_readings, make_tree
from tests.triage.world import BOOKS, world


def kinds(schema: dict[str, dict[str, Kind]]) -> dict[str, Kind]:
    return {f"{probe}.{fact}": kind for probe, facts in schema.items() for fact, kind in facts.items()}


@pytest.mark.parametrize("book", BOOKS)
def test_every_shipped_playbook_has_a_calm_day(book):
    here = world(book)
    facts = calm_facts(here.tree, kinds(here.schema), {})
    assert facts is not None
    found = here.diagnosed(facts)
    assert (found.outcome, found.finding, found.also_seen, found.unread) == ("healthy", None, (), ())
    assert None not in facts.values()


def test_it_changes_no_more_than_it_must():
    facts = calm_facts(make_tree(), kinds(FACTS), {})
    assert facts == {
        "web.refused": False, "web.answer_s": 0, "web.failure": "", "web.errors": 0, "card.hot": False,
        "card.hottest_c": 0,
    }  # fmt: skip


def test_what_is_given_stays_and_the_rest_is_made_to_fit():
    tree = make_tree(("web.answer_s > slow_s", "web.answer_s > slow_s and not web.refused"))
    facts = calm_facts(tree, kinds(FACTS), {"card.hottest_c": 50})
    assert facts is not None
    assert facts["card.hottest_c"] == 50
    found = walk(tree, {"web": Reading(), "card": Reading()} | make_readings(facts))
    assert getattr(found, "outcome", None) == "healthy"


def test_there_is_none_where_something_given_is_a_fault_or_no_way_leads_to_health():
    assert calm_facts(make_tree(), kinds(FACTS), {"card.hot": True}) is None
    assert calm_facts(make_tree(("no: {end: healthy}", "no: {end: unknown}")), kinds(FACTS), {}) is None
    assert (
        calm_facts(make_tree(("when: web.refused", "when: web.errors >= 0")), kinds(FACTS), {"web.errors": 1}) is None
    )


def test_a_text_that_must_be_something_is_found():
    tree = make_tree(("when: web.refused", "when: web.failure != 'none'"))
    facts = calm_facts(tree, kinds(FACTS), {})
    assert facts is not None
    assert facts["web.failure"] == "none"
