"""Playbook files: YAML in, Playbook values out. What the conditions mean is triage's business, not this reader's."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from opskit.definitions import causes
from opskit.definitions.causes import CauseShape
from opskit.definitions.convert import Converter
from opskit.definitions.draft import Draft
from opskit.definitions.loaded import Loaded, load_all
from opskit.definitions.plain import is_mask
from opskit.definitions.reader import compose, lines
from opskit.definitions.scalars import duration, file_id, name
from opskit.definitions.scalars import included as included_name
from opskit.model.message import say
from opskit.model.playbook import Answer, Cause, Param, Playbook, Step, Target, Use
from opskit.model.problem import DefinitionError, Lines, Problem
from opskit.model.text import Text

Duration = Annotated[float, duration]
SCHEMA = "opskit.playbook/v1"
ANSWERS = typing.get_args(Answer)


class ParamShape(msgspec.Struct, frozen=True):
    """One entry of `params:`."""

    default: float
    says: Text | None = None


class UseShape(msgspec.Struct, frozen=True, rename={"probe": "use", "args": "with"}):
    """One entry of `probes:`."""

    probe: str
    timeout: Duration
    args: dict[str, Any] = {}


class TargetShape(msgspec.Struct, frozen=True):
    """A branch that ends the walk: `{cause: CODE}` or `{end: healthy}`."""

    cause: str | None = None
    end: Literal["healthy", "unknown"] | None = None


class StepShape(msgspec.Struct, frozen=True):
    """One entry of `steps:`; the branches are read apart, because each is a step's name or a target."""

    stage: int
    ask: Text
    when: str
    yes: Any
    no: Any
    unknown: Any
    evidence: tuple[str, ...] = ()


class PlaybookShape(msgspec.Struct, frozen=True):
    """A file in `playbooks/`, key by key."""

    schema: Literal["opskit.playbook/v1"]
    title: Text
    budget: Duration
    stages: tuple[Text, ...]
    probes: dict[str, UseShape]
    start: str
    steps: dict[str, StepShape]
    causes: dict[str, CauseShape] = {}
    include: tuple[Annotated[str, included_name], ...] = ()
    params: dict[str, ParamShape] = {}
    enabled: bool = True


def parse(data: bytes, source: str, playbook_id: str) -> Playbook | None:
    """Return the playbook, or None where the file masks it.

    Raises DefinitionError with every problem of the file.
    """
    return outline(data, source, playbook_id).whole()


def outline(data: bytes, source: str, playbook_id: str) -> Draft[Playbook]:
    """Return what can be made of the file, and what is wrong with it.

    Raises DefinitionError where nothing can be made of it.
    """
    document = compose(data, source)
    if is_mask(document):
        return Draft(None)
    root = document.root
    _refuse_causes(root, source)
    converter = Converter(document)
    _check_names(converter, root, playbook_id)
    shape = converter.struct(root, PlaybookShape, "")
    then = {name: _branches(converter, _member(_member(root, "steps"), name), f"steps.{name}") for name in shape.steps}
    if not shape.enabled:
        return converter.draft(None)
    ends = _ends(converter, shape, source, lines(root))
    return converter.draft(_playbook(shape, then, ends, source, playbook_id, lines(root)))


def load(extra: Path | None = None, ids: Sequence[str] = ()) -> Loaded[Playbook]:
    """Return the effective playbooks by id, and beside them what is wrong with the files that are not usable.

    With `ids` only those are read, unless one of them does not exist: then all, to tell which do.
    """
    return load_all("playbooks", extra, outline, ids)


def _refuse_causes(root: yaml.MappingNode, source: str) -> None:
    schema = _member(root, "schema")
    if isinstance(schema, yaml.ScalarNode) and schema.value == causes.SCHEMA:
        text = say("causes are no playbook: put this file into a folder below, such as causes/, and include it")
        raise DefinitionError([Problem(source, schema.start_mark.line + 1, text)])


def _ends(converter: Converter, shape: PlaybookShape, source: str, known: Lines) -> dict[str, Cause]:
    """All causes, the included ones first: a code that comes again here is refused here."""
    names = [(known.of("include", number), name) for number, name in enumerate(shape.include)]
    sure = [item for number, item in enumerate(names) if f"include[{number}]" not in converter.unsure]
    if len(sure) < len(names) or "include" in converter.unsure:
        converter.unsure.add("causes")
    gathered = causes.included(sure, source)
    first = gathered.value or {}
    own = causes.causes_of(shape.causes, source, known)
    converter.problems += [*gathered.problems, *causes.again(first, own)]
    converter.unsure |= gathered.unsure
    return {**own, **first}


def _playbook(
    shape: PlaybookShape,
    then: Mapping[str, dict[str, Target]],
    ends: Mapping[str, Cause],
    source: str,
    playbook_id: str,
    known: Lines,
) -> Playbook:
    named = {target.cause for branches in then.values() for target in branches.values()}
    used = {code: cause for code, cause in ends.items() if cause.source == source or code in named}
    return Playbook(
        id=playbook_id,
        title=shape.title,
        budget=shape.budget,
        start=shape.start,
        stages=shape.stages,
        params={name: Param(param.default, param.says) for name, param in shape.params.items()},
        probes={name: Use(use.probe, use.timeout, use.args) for name, use in shape.probes.items()},
        steps={
            name: Step(name, step.stage, step.ask, step.when, then[name], step.evidence)
            for name, step in shape.steps.items()
        },
        causes=used,
        spare={code: cause for code, cause in ends.items() if code not in used},
        source=source,
        lines=known,
    )


def _check_names(converter: Converter, root: yaml.MappingNode, playbook_id: str) -> None:
    """Names that conditions could not say, or that could mean two things."""
    converter.word(root, file_id, playbook_id, say("the file's name"))
    keys = {section: _keys(root, section) for section in ("params", "probes", "steps")}
    for section, nodes in keys.items():
        for node in nodes:
            if not converter.word(node, name, node.value, say("{section}", section=section)) and section != "steps":
                converter.unsure.add(section)  # conditions call it by another name, or by parts of this one
    probes = {node.value for node in keys["probes"]}
    for node in keys["params"]:
        if node.value in probes:
            converter.complain(node, say("params: '{name}' is the name of a probe too", name=node.value))


def _keys(root: yaml.MappingNode, section: str) -> list[yaml.Node]:
    members = _member(root, section)
    return [key for key, _ in members.value] if isinstance(members, yaml.MappingNode) else []


def _branches(converter: Converter, step: yaml.Node | None, where: str) -> dict[str, Target]:
    """Where a step leads; a branch that is unsure leads nowhere."""
    given = step.value if isinstance(step, yaml.MappingNode) else []
    found = {
        key.value: _target(converter, value, f"{where}.{key.value}") for key, value in given if key.value in ANSWERS
    }
    return {**found, **{answer: Target() for answer in ANSWERS if answer not in found}}


def _target(converter: Converter, node: yaml.Node, where: str) -> Target:
    if isinstance(node, yaml.ScalarNode):
        return Target() if where in converter.unsure else Target(step=str(node.value))
    shape = converter.value(node, TargetShape, where)
    if converter.unsure & {where, f"{where}.cause", f"{where}.end"}:
        converter.unsure.add(where)
        return Target()
    return Target(cause=shape.cause, end=shape.end)


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    members = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in members if key.value == name), None)
