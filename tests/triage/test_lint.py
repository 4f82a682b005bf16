"""What is legal in a playbook and still wrong is named: loops, dead ends, remedies that are shell lines in disguise."""

from __future__ import annotations

import pytest

from opskit.model.problem import Problem
from opskit.triage.lint import lint
from tests.triage.builders import FACTS, make_playbook

START = "[systemctl, start, web], risk: changes-state"
REMEDY = "causes.OPS901.remedy"
NEEDS_UNDO = "a command that changes something needs undo or undo_text"


# The small playbook has a question for the report alone.
IDLE = "steps.slow: all answers lead to the same place"


def found(*changes: tuple[str, str]) -> list[Problem]:
    return [problem for problem in lint(make_playbook(*changes), FACTS) if str(problem.text) != IDLE]


def lines(*changes: tuple[str, str]) -> list[str]:
    return [problem.render() for problem in found(*changes)]


def test_a_sound_playbook_has_no_problems():
    assert lines() == []


WRONG = [
    ([("no: hot", "no: refused")], [
        "small.yaml:15: steps.refused: the walk can come back to this step",
        "small.yaml:23: steps.slow: the walk can come back to this step",
    ]),
    ([("unknown: hot", "unknown: slow")], ["small.yaml:23: steps.slow: the walk can come back to this step"]),
    ([("no: slow\n    unknown: slow", "no: hot\n    unknown: hot")],
     ["small.yaml:23: steps.slow: no branch leads here"]),
    ([("yes: {cause: OPS902}", "yes: {end: unknown}")], ["small.yaml:51: causes.OPS902: no branch leads here"]),
    ([("start: refused", "start: hot")], [
        "small.yaml:15: steps.refused: no branch leads here",
        "small.yaml:23: steps.slow: no branch leads here",
        "small.yaml:38: causes.OPS901: no branch leads here",
    ]),
    ([("OPS902", "OPS02")], ["small.yaml:51: causes.OPS02: a code is OPS and three digits"]),
    ([("OPS902", "OPS0902")], ["small.yaml:51: causes.OPS0902: a code is OPS and three digits"]),
    ([("OPS902", "ops902")], ["small.yaml:51: causes.ops902: a code is OPS and three digits"]),
    ([("      - {text: {en: Cool it, zh: 降温}}\n", ""), ("<= hot_c\n    remedy:\n", "<= hot_c\n    remedy: []\n")],
     ["small.yaml:57: causes.OPS902: a cause needs a remedy"]),
    ([("proof: [card.hottest_c]", "proof: []")], ["small.yaml:54: causes.OPS902: a cause needs a proof"]),
    ([("        risk: changes-state\n", "")], [f"small.yaml:46: {REMEDY}: a command needs its risk"]),
    ([("        undo: [systemctl, stop, web]\n", "")], [f"small.yaml:46: {REMEDY}: {NEEDS_UNDO}"]),
    ([("        undo: [systemctl, stop, web]\n", ""), ("changes-state", "disruptive")],
     [f"small.yaml:46: {REMEDY}: {NEEDS_UNDO}"]),
    *(
        ([("run: [systemctl, start, web]", f"run: [ollama, {word!r}]")],
         [f"small.yaml:46: {REMEDY}: '{word}' is shell syntax, commands are argv lists"])
        for word in ("a | b", "a && b", "a; b", "> /dev/null", "< in", "`id`", "$(id)", "$HOME", "${HOME}")
    ),
    ([("undo: [systemctl, stop, web]", "undo: [systemctl, 'stop;web']")],
     [f"small.yaml:48: {REMEDY}: 'stop;web' is shell syntax, commands are argv lists"]),
    *(
        ([("run: [systemctl, start, web]", f"run: [{word!r}, -c, ls]")],
         [f"small.yaml:46: {REMEDY}: '{word}' is for a shell, commands are argv lists"])
        for word in ("sh", "bash", "/bin/sh", "systemctl start web")
    ),
    ([("run: [systemctl, start, web]", "run:\n          - systemctl\n          - start\n          - web; ls")],
     [f"small.yaml:49: {REMEDY}: 'web; ls' is shell syntax, commands are argv lists"]),
    ([("start: refused", "start: nowhere")],
     ["small.yaml:13: start: there is no step 'nowhere', expected one of refused, slow, hot"]),
    # What the tree refuses hides nothing else; only dead ends wait until all branches lead somewhere.
    ([("no: hot", "no: refused"), ("unknown: slow", "unknown: nowhere")], [
        "small.yaml:15: steps.refused: the walk can come back to this step",
        "small.yaml:22: steps.refused.unknown: expected a step, {cause: CODE} or {end: healthy|unknown} that exists",
        "small.yaml:23: steps.slow: the walk can come back to this step",
    ]),
    ([("start: refused", "start: nowhere"), ("        risk: changes-state\n", ""), ("OPS902", "OPS2"),
      ("when: web.refused", "when: 1 < 2"), ("{cause: OPS901}", "{cause: OPS99}"), (", zh: 慢}", "}")], [
        "small.yaml:2: title: no Chinese text",
        "small.yaml:13: start: there is no step 'nowhere', expected one of refused, slow, hot",
        "small.yaml:18: steps.refused.when: asks for no fact, so its answer is always the same",
        "small.yaml:20: steps.refused.yes: expected a step, {cause: CODE} or {end: healthy|unknown} that exists",
        f"small.yaml:46: {REMEDY}: a command needs its risk",
        "small.yaml:50: causes.OPS2: a code is OPS and three digits",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), WRONG)
def test_a_mistake_is_named_with_its_line(changes, told):
    assert lines(*changes) == told


UNSURE = [
    ([("start: refused", "start: nowhere"), ("no: slow", "no: nowhere")], "steps"),
    ([("{cause: OPS901}", "{cause: OPS99}")], "causes"),
    ([("stage: 2", "stage: 9")], "stages"),
    ([("stage: 2", "stage: 9")], "steps.hot.stage"),
    ([("when: web.refused", "when: web.refuses")], "steps.refused.when"),
    ([("when: web.refused", "when: 1 < 2")], "steps.refused.when"),
    ([("when: web.refused", "when: net.refused"), ("[web.failure]", "[net.failure]")], "probes"),
    ([("web.answer_s > slow_s", "web.answer_s > slowest")], "params"),
    ([("[web.failure]", "[web.fail]")], "steps.refused.evidence[0]"),
    ([("        risk: changes-state\n        undo: [systemctl, stop, web]\n", "")], "causes.OPS901.remedy[0].risk"),
    ([("        undo: [systemctl, stop, web]\n", "")], "causes.OPS901.remedy[0].undo"),
    ([("run: [systemctl, start, web]", "run: [systemctl, 'start;web']")], "causes.OPS901.remedy[0].run[1]"),
    ([(", zh: 慢}", "}")], "title"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "place"), UNSURE)
def test_what_would_follow_from_an_unsure_place_is_not_told(changes, place):
    playbook = make_playbook(*changes)
    assert lint(playbook, FACTS) != []
    assert lint(playbook, FACTS, frozenset({place})) == []


def test_an_unsure_section_hides_nothing_but_its_names():
    changes = [("web.answer_s > slow_s", "web.answer > 3"), ("<= hot_c", "<= 'x'"), ("no: slow", "no: nowhere")]
    playbook = make_playbook(*changes)
    everything = frozenset({"params", "probes", "causes"})
    assert lint(playbook, FACTS, everything) == lint(playbook, FACTS)


GOOD = [
    [("run: [systemctl, start, web]", 'run: [ss, -tnp, "( sport = :80 )"]')],
    [("        undo: [systemctl, stop, web]\n", ""), ("changes-state", "read-only")],
    [("undo: [systemctl, stop, web]", "undo_text: {en: Nothing to undo, zh: 无需回退}")],
    [("run: [systemctl, start, web]", 'run: [ollama, pull, "registry.internal/qwen3:32b"]')],
]


@pytest.mark.parametrize("changes", GOOD)
def test_what_only_looks_like_a_mistake_is_none(changes):
    assert lines(*changes) == []


def test_a_missing_translation_is_advice_and_stops_nothing():
    chinese = ("慢}", "有应答吗？}", "被拒绝了吗？}", "过热}", "启动}")
    bare = [(f", zh: {text}", "}") for text in chinese]
    more = [
        ("slow_s: {default: 3}", "slow_s: {default: 3, says: the contract}"),
        ("undo: [systemctl, stop, web]", "undo_text: Nothing to undo"),
    ]
    problems = found(*bare, *more)
    assert [problem.render() for problem in problems] == [
        "small.yaml:2: title: no Chinese text",
        "small.yaml:5: stages[0]: no Chinese text",
        "small.yaml:8: params.slow_s.says: no Chinese text",
        "small.yaml:17: steps.refused.ask: no Chinese text",
        "small.yaml:45: causes.OPS901.remedy[0].text: no Chinese text",
        "small.yaml:48: causes.OPS901.remedy[0].undo_text: no Chinese text",
        "small.yaml:53: causes.OPS902.summary: no Chinese text",
    ]
    assert all(problem.advice for problem in problems)
