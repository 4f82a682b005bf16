"""A switch that is off and a playbook that finds it so: a whole incident without a chat service."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.cli.typing_person import Person

PLAYBOOK = """
schema: opskit.playbook/v1
title: {en: The switch, zh: 开关}
budget: 3s
stages: [{en: Is it on?, zh: 开了吗？}]
probes: {switch: {use: plugin, timeout: 3s, with: {command: LOOKS}}}
start: off
steps:
  off:
    stage: 1
    ask: {en: Is the switch off?, zh: 开关关着吗？}
    when: not switch.ok
    evidence: [switch.text]
    "yes": {cause: OPS901}
    "no": {end: healthy}
    unknown: {end: unknown}
causes:
  OPS901:
    layer: host
    summary: {en: The switch is off, zh: 开关关着}
    proof: [switch.ok, switch.text]
    certain_if: not switch.ok
    verify: switch.ok
    remedy: REMEDY
"""
LOOK = {"text": "Look at it", "run": ["cat", "SWITCH"], "risk": "read-only"}
TURN = {
    "text": "Turn it on",
    "run": ["cp", "ON", "SWITCH"],
    "risk": "changes-state",
    "undo": ["truncate", "-s0", "SWITCH"],
}
ABSENT = {"text": "No such program", "run": ["no-such-program"], "risk": "disruptive", "undo_text": "Nothing to undo"}


class Site:
    """A switch that is off, a playbook that finds it so, and a person who may turn it on."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.switch, self.on, self.config = folder / "switch.txt", folder / "lit.txt", config
        self.ticket = folder / "ticket.md"
        self.switch.write_text("dark\n")
        self.on.write_text("on\n")
        self.folder = folder

    def words(self, *more: str, remedy: list[dict[str, object]], looks: list[str] | None = None) -> list[str]:
        """`opskit triage switch --apply ...` for a playbook with this remedy, and the plugin that looks."""
        listed = json.dumps(remedy).replace("SWITCH", str(self.switch)).replace("ON", str(self.on))
        (self.folder / "playbooks").mkdir(exist_ok=True)
        text = (
            PLAYBOOK.replace("LOOKS", json.dumps(looks or ["grep", "-c", "on", "SWITCH"]))
            .replace("REMEDY", listed)
            .replace("SWITCH", str(self.switch))
        )
        (self.folder / "playbooks" / "switch.yaml").write_text(text)
        return ["--definitions", str(self.folder), "triage", "switch", "--apply", *more]

    def person(
        self,
        *more: str,
        remedy: list[dict[str, object]],
        looks: list[str] | None = None,
        ahead: bytes = b"",
        **env: str,
    ) -> Person:
        """A person at a terminal of 80 columns who typed that."""
        clean = {name: value for name, value in os.environ.items() if name not in {"CI", "LANG", "LC_ALL", "COLUMNS"}}
        words = ["--config", str(self.config), *self.words(*more, remedy=remedy, looks=looks)]
        return Person(words, {**clean, "LC_ALL": "C.UTF-8", **env}, ahead)
