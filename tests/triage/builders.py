"""Small playbooks as their authors write them, and readings for them."""

from __future__ import annotations

from collections.abc import Mapping

from opskit.definitions.playbooks import parse
from opskit.model.message import say
from opskit.model.playbook import Playbook
from opskit.model.reading import Fact, Reading
from opskit.triage.expression import Kind
from opskit.triage.tree import Tree, grow

FACTS: dict[str, dict[str, Kind]] = {
    "web": {"refused": "bool", "answer_s": "number", "failure": "text", "errors": "number"},
    "card": {"hot": "bool", "hottest_c": "number"},
}

SMALL = """\
schema: opskit.playbook/v1
title: {en: Slow, zh: 慢}
budget: 5s
stages:
  - {en: Does it answer?, zh: 有应答吗？}
  - {en: Is the card well?, zh: 显卡正常吗？}
params:
  slow_s: {default: 3}
  hot_c: {default: 85}
probes:
  web: {use: web, timeout: 2s}
  card: {use: card, timeout: 2s}
start: refused
steps:
  refused:
    stage: 1
    ask: {en: Is it refused?, zh: 被拒绝了吗？}
    when: web.refused
    evidence: [web.failure]
    yes: {cause: OPS901}
    no: slow
    unknown: slow
  slow:
    stage: 1
    ask: {en: "Slower than {slow_s} s?", zh: "慢于 {slow_s} 秒？"}
    when: web.answer_s > slow_s
    yes: hot
    no: hot
    unknown: hot
  hot:
    stage: 2
    ask: {en: Is the card hot?, zh: 显卡过热吗？}
    when: card.hot or card.hottest_c > hot_c
    yes: {cause: OPS902}
    no: {end: healthy}
    unknown: {end: unknown}
causes:
  OPS901:
    layer: web
    summary: {en: It refuses, zh: 拒绝连接}
    proof: [web.refused, web.failure]
    certain_if: web.refused
    verify: not web.refused
    remedy:
      - text: {en: Start it, zh: 启动}
        run: [systemctl, start, web]
        risk: changes-state
        undo: [systemctl, stop, web]
    seen: {en: They wait, zh: 用户在等}
    mistaken_for: [{en: A break, zh: 休息}]
  OPS902:
    layer: gpu
    summary: {en: It is hot, zh: 过热}
    proof: [card.hottest_c]
    certain_if: card.hot
    verify: card.hottest_c <= hot_c
    remedy:
      - {text: {en: Cool it, zh: 降温}}
    seen: {en: They wait, zh: 用户在等}
    mistaken_for: [{en: A break, zh: 休息}]
"""


def make_playbook(*changes: tuple[str, str], text: str = SMALL) -> Playbook:
    """The small playbook with some of its text replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    playbook = parse(text.encode(), "small.yaml", "small")
    assert playbook is not None
    return playbook


def make_tree(*changes: tuple[str, str]) -> Tree:
    """The small playbook ready to walk."""
    return grow(make_playbook(*changes), FACTS)


def make_readings(facts: Mapping[str, Fact]) -> dict[str, Reading]:
    """Readings of `{"web.refused": True}`."""
    readings: dict[str, dict[str, Fact]] = {}
    for name, value in facts.items():
        probe, _, fact = name.partition(".")
        readings.setdefault(probe, {})[fact] = value
    return {probe: Reading(facts=known) for probe, known in readings.items()}


def dark(reason: str) -> Reading:
    """A reading of a probe that failed."""
    return Reading(unreadable=say("{why}", why=reason))
