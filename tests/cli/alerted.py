"""A site of one check, whose subject is a file: it is bad while the file is there. With a playbook that knows why."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import ROOT

CHECK = """
summary: {en: "The thing is there", zh: 那东西在}
why: {en: A test, zh: 测试}
probe: plugin
with: {command: [/bin/sh, -c, "test -e BAD && { echo it broke; exit 2; }; echo fine"]}
every: EVERYs
timeout: 5s
playbook: why
"""
PLAYBOOK = """
schema: opskit.playbook/v1
title: {en: Why, zh: 原因}
budget: 5s
start: broken
stages: [{en: Look, zh: 查看}]
probes:
  thing:
    use: plugin
    timeout: 3s
    with: {command: [/bin/sh, -c, "test -e BAD && { echo it broke; exit 2; }; echo fine"]}
steps:
  broken:
    stage: 1
    ask: {en: Is it broken?, zh: 坏了吗？}
    when: thing.state == "critical"
    evidence: [thing.text]
    "yes": {cause: OPS901}
    "no": {end: healthy}
    unknown: {end: unknown}
causes:
  OPS901:
    layer: site
    summary: {en: Somebody put the file there, zh: 有人放了那个文件}
    proof: [thing.state, thing.text]
    certain_if: thing.state == "critical"
    verify: thing.ok
    remedy:
      - text: {en: Take the file away, zh: 删除该文件}
        run: [rm, BAD]
        risk: changes-state
"""


def make_site(folder: Path, every: int = 1) -> tuple[Path, Path]:
    """Write the definitions; return their folder and the file that breaks it."""
    site, bad = folder / "site", folder / "bad"
    for kind in ("checks", "playbooks"):
        (site / kind).mkdir(parents=True)
    for shipped in (ROOT / "checks").glob("*.yaml"):
        (site / "checks" / shipped.name).write_text("enabled: false\n")
    (site / "checks" / "mine.yaml").write_text(CHECK.replace("BAD", str(bad)).replace("EVERY", str(every)))
    (site / "playbooks" / "why.yaml").write_text(PLAYBOOK.replace("BAD", str(bad)))
    return site, bad


def with_mail(config: Path, port: int, **notify: object) -> None:
    """Let the configuration send mail to a server on this host."""
    settings = json.loads(config.read_text())
    email = {
        "to": ["ops@example.com"],
        "sender": "opskit@example.com",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "timeout": 5,
    }
    settings["notify"] = {"email": email, "group_wait": 1, **notify}
    config.write_text(json.dumps(settings))
