"""A playbook whose references do not hold together is refused with all of its mistakes, each at its line."""

from __future__ import annotations

import pytest

from opskit.model.problem import DefinitionError
from opskit.triage.tree import grow
from tests.triage.builders import FACTS, make_playbook, make_tree

DANGLING = "expected a step, {cause: CODE} or {end: healthy|unknown} that exists"

NO_CARD = "column 1: unknown probe 'kard', expected one of card, web"
NOT_COLD = "column 1: 'card' has no fact 'cold', it has hot, hottest_c"
VALUE = "column 1: this is a value, not a condition: compare it with something"
WEB = ", ".join(sorted(FACTS["web"]))
NOT_FAIL = f"'web' has no fact 'fail', it has {WEB}"
OF = "expected PROBE.FACT of one of web, card"

BROKEN = [
    ([("start: refused", "start: nowhere")],
     ["small.yaml:13: start: there is no step 'nowhere', expected one of refused, slow, hot"]),
    ([("no: slow", "no: nowhere")], [f"small.yaml:21: steps.refused.no: {DANGLING}"]),
    ([("{cause: OPS901}", "{cause: OPS999}")], [f"small.yaml:20: steps.refused.yes: {DANGLING}"]),
    ([("{cause: OPS901}", "{cause: OPS901, end: healthy}")], [f"small.yaml:20: steps.refused.yes: {DANGLING}"]),
    ([("{cause: OPS901}", "{}")], [f"small.yaml:20: steps.refused.yes: {DANGLING}"]),
    ([("stage: 2", "stage: 3")], ["small.yaml:31: steps.hot.stage: expected 1 to 2"]),
    ([("stage: 2", "stage: 0")], ["small.yaml:31: steps.hot.stage: expected 1 to 2"]),
    (
        [("{use: card,", "{use: kard,"), ("[card.hottest_c]", "[web.errors]"), ("[web.failure]", "[card.cold]")],
        ["small.yaml:12: probes.card: unknown probe 'kard', expected one of card, web"],
    ),
    (
        [("certain_if: card.hot", "certain_if: kard.hot")],
        [f"small.yaml:55: causes.OPS902.certain_if: {NO_CARD} in `kard.hot`"],
    ),
    (
        [("proof: [web.refused, web.failure]", "proof:\n      - web.refused\n      - web.fail")],
        [f"small.yaml:43: causes.OPS901.proof: {NOT_FAIL}"],
    ),
    (
        [("when: web.refused", "when: web.refuses")],
        [
            f"small.yaml:18: steps.refused.when: column 1: 'web' has no fact 'refuses', it has {WEB} in `web.refuses`"
        ],
    ),
    (
        [("when: web.answer_s > slow_s", "when: 3 > slow_s")],
        ["small.yaml:26: steps.slow.when: asks for no fact, so its answer is always the same"],
    ),
    ([("[web.failure]", "[web.fail]")], [f"small.yaml:19: steps.refused.evidence: {NOT_FAIL}"]),
    ([("[web.failure]", "[failure]")], [f"small.yaml:19: steps.refused.evidence: there is no fact 'failure', {OF}"]),
    ([("proof: [card.hottest_c]", "proof: [disk.full]")],
     [f"small.yaml:54: causes.OPS902.proof: there is no fact 'disk.full', {OF}"]),
    (
        [("verify: not web.refused", "verify: web.answer_s")],
        [
            f"small.yaml:43: causes.OPS901.verify: {VALUE} in `web.answer_s`"
        ],
    ),
    (
        [("no: slow", "no: nowhere"), ("certain_if: card.hot", "certain_if: card.cold"), ("stage: 2", "stage: 9")],
        [
            f"small.yaml:21: steps.refused.no: {DANGLING}",
            "small.yaml:31: steps.hot.stage: expected 1 to 2",
            f"small.yaml:55: causes.OPS902.certain_if: {NOT_COLD} in `card.cold`",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "lines"), BROKEN)
def test_a_reference_that_leads_nowhere_is_named_with_its_line(changes, lines):
    with pytest.raises(DefinitionError) as refused:
        grow(make_playbook(*changes), FACTS)
    assert str(refused.value).splitlines() == lines


def test_a_sound_playbook_grows_with_all_its_conditions():
    tree = make_tree()
    assert set(tree.when) == {"refused", "slow", "hot"}
    assert set(tree.certain_if) == set(tree.verify) == {"OPS901", "OPS902"}
    assert tree.params == {"slow_s": 3.0, "hot_c": 85.0}
