"""What is legal in a playbook and still wrong: loops, dead steps, remedies that are a shell line in disguise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Playbook, Remedy
from opskit.model.problem import Problem
from opskit.model.text import Text
from opskit.triage.tree import targets

_CODE = re.compile(r"OPS[1-9][0-9]{2}")
_SHELL = re.compile(r"[|&;<>`\n]|\$[({A-Za-z_]")
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


def lint(playbook: Playbook) -> list[Problem]:
    """Return the problems of a playbook whose references are sound (see tree.grow)."""
    problems = []
    reached, looping = _follow(playbook)
    for name, step in playbook.steps.items():
        if name in looping:
            text = say("steps.{step}: the walk can come back to this step", step=name)
            problems.append(Problem(playbook.source, step.line, text))
        if name not in reached:
            problems.append(Problem(playbook.source, step.line, say("steps.{step}: no branch leads here", step=name)))
    used = {target.cause for name in reached for target in targets(playbook, name)}
    for code, cause in playbook.causes.items():
        if code not in used:
            problems.append(Problem(playbook.source, cause.line, say("causes.{code}: no branch leads here", code=code)))
        problems += [Problem(playbook.source, cause.line, text) for text in _cause_problems(cause)]
    problems += _advice(playbook)
    return problems


def _follow(playbook: Playbook) -> tuple[set[str], set[str]]:
    """Return the steps that can be reached, and those that lie on a loop."""
    edges = {
        name: {target.step for target in targets(playbook, name) if target.step is not None} for name in playbook.steps
    }
    reached = _from(edges, {playbook.start})
    looping = {name for name in playbook.steps if name in _from(edges, edges[name])}
    return reached, looping


def _from(edges: dict[str, set[str]], start: set[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    return reached


def _cause_problems(cause: Cause) -> Iterator[Message]:
    if not _CODE.fullmatch(cause.code):
        yield say("causes.{code}: a code is OPS and three digits", code=cause.code)
    if not cause.remedy:
        yield say("causes.{code}: a cause needs a remedy", code=cause.code)
    if not cause.proof:
        yield say("causes.{code}: a cause needs a proof", code=cause.code)
    for remedy in cause.remedy:
        yield from _remedy_problems(cause.code, remedy)


def _remedy_problems(code: str, remedy: Remedy) -> Iterator[Message]:
    if remedy.run and remedy.risk is None:
        yield say("causes.{code}.remedy: a command needs its risk", code=code)
    if remedy.run and remedy.risk != "read-only" and not (remedy.undo or remedy.undo_text):
        yield say("causes.{code}.remedy: a command that changes something needs undo or undo_text", code=code)
    for command in (remedy.run, remedy.undo):
        if command and (" " in command[0].strip() or command[0].rpartition("/")[2] in _SHELLS):
            yield say(
                "causes.{code}.remedy: '{word}' is for a shell, commands are argv lists", code=code, word=command[0]
            )
    for word in (*remedy.run, *remedy.undo):
        if _SHELL.search(word):
            yield say("causes.{code}.remedy: '{word}' is shell syntax, commands are argv lists", code=code, word=word)


def _advice(playbook: Playbook) -> list[Problem]:
    """Missing translations do not stop a site's own file from working."""
    texts: list[tuple[int, str, Text]] = [(0, "title", playbook.title)]
    texts += [(step.line, f"steps.{step.id}.ask", step.ask) for step in playbook.steps.values()]
    texts += [(cause.line, f"causes.{cause.code}.summary", cause.summary) for cause in playbook.causes.values()]
    texts += [(c.line, f"causes.{c.code}.remedy", r.text) for c in playbook.causes.values() for r in c.remedy]
    return [
        Problem(playbook.source, line, say("{where}: no Chinese text", where=where), advice=True)
        for line, where, text in texts
        if not text.zh
    ]
