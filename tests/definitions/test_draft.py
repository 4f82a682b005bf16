"""A broken file is looked at as far as it can be read, and nothing is said of it that only follows from what is broken.

Sound files are spoiled at every place, in every way that the notation and the types forbid: the readers complain, and
whoever judges what was read has nothing to add.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
import yaml

from opskit.app.context import Context
from opskit.app.lint import lint
from opskit.definitions import check_file, checks, playbooks
from opskit.definitions.draft import stand_in
from opskit.model.problem import DefinitionError
from opskit.model.reader import Reader
from opskit.model.settings import Settings

CHECK = """\
summary: {en: Fine, zh: 正常}
why: {en: Because, zh: 因为}
probe: gpu
with:
  expected: 2
rules:
  - metric: temperature_c
    warn: "80"
    crit: "90"
    say: {en: Hot, zh: 热}
    confirm: {metric: temperature_c, range: "9"}
  - {metric: lost, crit: "0", deviation: {over: 7d, at_least: 3}}
for: 4 of 6
every: 1m
timeout: 5s
playbook: chat-stuck
"""
PLUGIN = """\
summary: {en: Fine, zh: 正常}
why: {en: Because, zh: 因为}
probe: plugin
with:
  command: [/bin/true, -w, "5"]
rules:
  - {metric: any of its own, warn: "80"}
every: 1m
timeout: 5s
"""
PLAYBOOK = """\
schema: opskit.playbook/v1
title: {en: Slow, zh: 慢}
budget: 5s
stages: [{en: One, zh: 一}, {en: Two, zh: 二}]
params:
  many: {default: 3, says: {en: many, zh: 多}}
probes:
  host: {use: host, timeout: 2s, with: {folders: [/, /tmp]}}
  card: {use: gpu, timeout: 2s}
start: first
steps:
  first:
    stage: 1
    ask: {en: Is it, zh: 是吗}
    when: host.load_per_core > many and not card.hottest_c > 80
    evidence: [host.load_per_core, card.hottest_c]
    yes: {cause: OPS900}
    no: second
    unknown: second
  second:
    stage: 2
    ask: {en: Is it, zh: 是吗}
    when: host.swap_used_pct > 3
    yes: {cause: OPS900}
    no: {end: healthy}
    unknown: {end: unknown}
causes:
  OPS900:
    layer: host
    summary: {en: Busy, zh: 忙}
    proof: [host.load_per_core]
    certain_if: host.load_per_core > 9
    verify: host.load_per_core < many
    remedy:
      - text: {en: Wait, zh: 等}
        run: [sleep, "1"]
        risk: read-only
      - text: {en: Restart, zh: 重启}
        run: [systemctl, restart, x]
        risk: disruptive
        undo_text: {en: Nothing, zh: 无}
    seen: {en: They wait, zh: 用户在等}
    mistaken_for: [{en: A break, zh: 休息}]
"""
INCLUDING = PLAYBOOK.partition("causes:")[0] + "include: [causes/THIS]\n"
CAUSES = f"schema: opskit.causes/v1\ncauses:{PLAYBOOK.partition('causes:')[2]}"
SOUND = {"checks": CHECK, "playbooks": PLAYBOOK}


def places(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
    """Every node with what it stands in, and whether it is a key there."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key, node, True
            yield value, node, False
            yield from places(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield item, node, False
            yield from places(item)


def spoiled(text: str) -> Iterator[str]:
    """The text with one value of another kind, or one key that is misspelt, repeated, or none."""
    for node, around, is_key in places(yaml.compose(text, Loader=yaml.CSafeLoader)):
        start = node.start_mark.index
        body = text[start : node.end_mark.index].rstrip()
        before, after = text[:start], text[start + len(body) :]
        if is_key:
            ends = ", " if around.flow_style else "\n" + " " * node.start_mark.column
            yield from (before + key + after for key in ("7", "kee", "[a]", f"!x {body}"))
            yield from (before + member + ends + body + after for member in (f"{body}: 5", f"{body}: {{}}", "7: 8"))
        else:
            scalars = ("[5]", "{x: 5}") if isinstance(node, yaml.ScalarNode) else ()
            yield from (before + value + after for value in ("5", "~", "*a", "some text", "[~, {}]", *scalars))
            yield f"{before}!x {body}{after}"


@pytest.mark.parametrize(
    ("kind", "sound", "many"),
    [("checks", CHECK, 250), ("checks", PLUGIN, 100), ("playbooks", PLAYBOOK, 800)],
    ids=["checks", "checks of plugins", "playbooks"],
)
def test_nothing_follows_from_what_the_readers_complain_of(tmp_path, kind, sound, many):
    folder = tmp_path / kind
    folder.mkdir()
    for number, text in enumerate(spoiled(sound)):
        (folder / f"m{number}.yaml").write_text(text, "utf-8")
    loaded = {"checks": checks, "playbooks": playbooks}[kind].load(tmp_path)
    broken = {problem.source for problem in loaded.problems}
    assert len(broken) > many
    listed = {problem.render() for problem in loaded.problems}
    told = {problem.render() for problem in lint(Settings(), tmp_path)[1] if problem.source in broken}
    assert told == listed


def test_nothing_follows_from_what_the_readers_complain_of_in_an_included_file(tmp_path: Path) -> None:
    folder = tmp_path / "playbooks/causes"
    folder.mkdir(parents=True)
    for number, text in enumerate(itertools.islice(spoiled(CAUSES), 0, None, 4)):
        (folder / f"m{number}.yaml").write_text(text, "utf-8")
        (folder.parent / f"m{number}.yaml").write_text(INCLUDING.replace("THIS", f"m{number}.yaml"), "utf-8")
    loaded = playbooks.load(tmp_path)
    broken = {problem.source for problem in loaded.problems}
    assert len(loaded.broken) > 80
    assert {str(Path(source).parent) for source in broken} == {str(folder)}
    listed = {problem.render() for problem in loaded.problems}
    unwell = broken | {str(folder.parent / f"{name}.yaml") for name in loaded.broken}
    told = {problem.render() for problem in lint(Settings(), tmp_path)[1] if problem.source in unwell}
    assert told == listed


def test_what_is_salvaged_stays_broken_for_whoever_runs_it(tmp_path):
    for kind, text in SOUND.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine.yaml").write_text(text.replace("5s", "soon"), "utf-8")
    context = Context(Settings(), Reader(UTC), tmp_path)
    loaded = context.loaded_checks()
    assert "mine" not in loaded.good
    assert "mine" not in context.checks()
    assert [draft.value.id for draft in loaded.salvaged] == ["mine"]
    assert loaded.broken["mine"] == loaded.salvaged[0].problems
    with pytest.raises(DefinitionError, match="budget: expected a duration"):
        context.tree("mine")


def test_the_parts_that_are_whole_keep_their_places():
    text = CHECK.replace('warn: "80"', "warn: high").replace("  - metric: temp", "  - 5\n  - metric: temp")
    draft = check_file.outline(text.encode(), "x.yaml", "x")
    first, second, third = draft.value.rules
    assert (first.metric, first.warn) == ("?", None)
    assert (second.metric, second.warn, second.crit) == ("temperature_c", None, "90")
    assert (third.metric, draft.value.lines.of("rules", 2)) == ("lost", 13)
    assert {"rules[0]", "rules[0].metric", "rules[1].warn"} <= draft.unsure
    assert not {"rules", "rules[1]", "rules[1].crit", "rules[2]", "rules[2].metric"} & draft.unsure


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_file_is_sure_of_everything(kind):
    draft = {"checks": check_file, "playbooks": playbooks}[kind].outline(SOUND[kind].encode(), "x.yaml", "x")
    assert (draft.problems, draft.unsure) == ((), frozenset())
    assert draft.whole() is draft.value


def test_a_stand_in_says_nothing_at_all_of_its_places():
    made, unsure = stand_in(check_file.RuleShape, "rules[3]")
    assert (made.metric, made.warn, made.optional, made.confirm, made.say) == ("?", None, False, None, None)
    assert unsure == {"rules[3]"} | {
        f"rules[3].{name}"
        for name in ("metric", "warn", "crit", "per", "optional", "confirm", "deviation", "say", "clear")
    }  # fmt: skip
