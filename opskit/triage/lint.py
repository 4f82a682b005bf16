"""What is legal in a playbook and still wrong: loops, dead steps, remedies that are a shell line in disguise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Playbook, Remedy
from opskit.model.problem import DefinitionError, Place, Problem, spelled, untranslated
from opskit.model.regex import regex
from opskit.model.text import Text
from opskit.triage.expression import Kind
from opskit.triage.idle import constant_conditions, idle_questions, repeated_conditions
from opskit.triage.tree import Wrong, dangling, grow, placed, targets

_CODE = regex(r"OPS[1-9][0-9]{2}")
_SHELL = regex(r"[|&;<>`\n]|\$[({A-Za-z_]")
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


def lint(
    playbook: Playbook, facts: Mapping[str, Mapping[str, Kind]], unsure: frozenset[str] = frozenset()
) -> list[Problem]:
    """Return every problem of a playbook; `facts` are the declared facts by probe.

    It may be a draft: nothing is said that could only follow from what is wrong at its `unsure` places.
    """
    problems: list[Problem] = []
    causes = [*playbook.causes.values(), *playbook.spare.values()]
    wrong = [item for cause in causes for item in _wrong_cause(cause, unsure)]
    try:
        tree = grow(playbook, facts, unsure)
    except DefinitionError as error:
        problems += error.problems
        tree = None
    if "steps" not in unsure:
        wrong += _wrong_ways(playbook)
    if tree is not None and not unsure:
        wrong += [*constant_conditions(tree.when, tree.params), *repeated_conditions(playbook, tree.when)]
        idle = placed(playbook, idle_questions(playbook, tree.when), unsure)
        problems += [msgspec.structs.replace(problem, advice=True) for problem in idle]
    problems += placed(playbook, wrong, unsure)
    texts = [*_texts(playbook), *(item for cause in causes for item in _texts_of(cause))]
    sure = ((place, text) for place, text in texts if spelled(*place) not in unsure)
    problems += untranslated(playbook.where, sure)
    return sorted(problems, key=lambda problem: (problem.source, problem.line))


def _wrong_ways(playbook: Playbook) -> Iterator[Wrong]:
    """Loops, and dead ends where all is joined."""
    edges = {name: _next(playbook, name) for name in playbook.steps}
    for name in playbook.steps:
        if name in _from(edges, edges[name]):
            yield ("steps", name), say("steps.{step}: the walk can come back to this step", step=name)
    if _is_joined(playbook):
        yield from _unreached(playbook, _from(edges, {playbook.start}))


def _next(playbook: Playbook, step: str) -> set[str]:
    return {target.step for target in targets(playbook, step) if target.step in playbook.steps}


def _is_joined(playbook: Playbook) -> bool:
    """True where the start and all branches lead somewhere: else what they were to lead to would seem unreachable."""
    branches = [target for name in playbook.steps for target in targets(playbook, name)]
    return playbook.start in playbook.steps and not any(dangling(playbook, target) for target in branches)


def _unreached(playbook: Playbook, reached: set[str]) -> Iterator[Wrong]:
    for name in playbook.steps:
        if name not in reached:
            yield ("steps", name), say("steps.{step}: no branch leads here", step=name)
    used = {target.cause for name in reached for target in targets(playbook, name)}
    for code, cause in playbook.causes.items():
        if code not in used and cause.source == playbook.source:
            yield ("causes", code), say("causes.{code}: no branch leads here", code=code)


def _from(edges: dict[str, set[str]], start: set[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    return reached


def _wrong_cause(cause: Cause, unsure: frozenset[str]) -> Iterator[Wrong]:
    place: Place = ("causes", cause.code)
    if not _CODE.fullmatch(cause.code):
        yield place, say("causes.{code}: a code is OPS and three digits", code=cause.code)
    if not cause.remedy:
        yield (*place, "remedy"), say("causes.{code}: a cause needs a remedy", code=cause.code)
    if not cause.proof:
        yield (*place, "proof"), say("causes.{code}: a cause needs a proof", code=cause.code)
    if spelled(*place) not in unsure:
        yield from _unsaid(cause, place)
    for number, remedy in enumerate(cause.remedy):
        inside: Place = (*place, "remedy", number)
        known = {key for key in Remedy.__struct_fields__ if spelled(*inside, key) not in unsure}
        for inner, text in _wrong_remedy(cause.code, remedy, known):
            yield (*inside, *inner), text


def _unsaid(cause: Cause, place: Place) -> Iterator[Wrong]:
    """What the page of a cause lacks. A playbook can be walked without it, so this alone stops nobody at night."""
    if cause.seen is None:
        yield (*place, "seen"), say("causes.{code}: a cause needs what users see (seen)", code=cause.code)
    if not cause.mistaken_for:
        text = say("causes.{code}: a cause needs what it is mistaken for (mistaken_for)", code=cause.code)
        yield (*place, "mistaken_for"), text


def _wrong_remedy(code: str, remedy: Remedy, known: set[str]) -> Iterator[Wrong]:
    """What is wrong with a remedy, as far as its `known` keys tell."""
    if remedy.run and remedy.risk is None and "risk" in known:
        yield ("run",), say("causes.{code}.remedy: a command needs its risk", code=code)
    harmless = remedy.risk == "read-only" or remedy.undo or remedy.undo_text
    if remedy.run and not harmless and known >= {"risk", "undo", "undo_text"}:
        text = say("causes.{code}.remedy: a command that changes something needs undo or undo_text", code=code)
        yield ("run",), text
    for key, command in (("run", remedy.run), ("undo", remedy.undo)):
        for number, word in enumerate(command):
            wrong = _wrong_word(code, word, first=number == 0)
            if wrong is not None:
                yield (key, number), wrong


def _wrong_word(code: str, word: str, *, first: bool) -> Message | None:
    """What is wrong with a word of a command; the first names the program."""
    if first and (" " in word.strip() or word.rpartition("/")[2] in _SHELLS):
        return say("causes.{code}.remedy: '{word}' is for a shell, commands are argv lists", code=code, word=word)
    if _SHELL.search(word):
        return say("causes.{code}.remedy: '{word}' is shell syntax, commands are argv lists", code=code, word=word)
    return None


def _texts(playbook: Playbook) -> Iterator[tuple[Place, Text]]:
    yield ("title",), playbook.title
    for number, stage in enumerate(playbook.stages):
        yield ("stages", number), stage
    for name, param in playbook.params.items():
        if param.says is not None:
            yield ("params", name, "says"), param.says
    for step in playbook.steps.values():
        yield ("steps", step.id, "ask"), step.ask


def _texts_of(cause: Cause) -> Iterator[tuple[Place, Text]]:
    place: Place = ("causes", cause.code)
    yield (*place, "summary"), cause.summary
    for key, text in (("seen", cause.seen), ("helped", cause.helped)):
        if text is not None:
            yield (*place, key), text
    for number, text in enumerate(cause.mistaken_for):
        yield (*place, "mistaken_for", number), text
    for number, remedy in enumerate(cause.remedy):
        yield (*place, "remedy", number, "text"), remedy.text
        if remedy.undo_text is not None:
            yield (*place, "remedy", number, "undo_text"), remedy.undo_text
