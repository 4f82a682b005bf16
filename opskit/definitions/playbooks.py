"""Playbook files: YAML in, Playbook values out. What the conditions mean is triage's business, not this reader's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from opskit.definitions.convert import Converter, is_mask
from opskit.definitions.loaded import Loaded, load_all
from opskit.definitions.reader import compose, lines
from opskit.definitions.scalars import duration, file_id, name
from opskit.model.message import say
from opskit.model.playbook import Cause, Param, Playbook, Remedy, Risk, Step, Target, Use
from opskit.model.text import Text

Duration = Annotated[float, duration]
SCHEMA = "opskit.playbook/v1"


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


class RemedyShape(msgspec.Struct, frozen=True):
    """One entry of a cause's `remedy:`."""

    text: Text
    run: tuple[str, ...] = ()
    risk: Risk | None = None
    undo: tuple[str, ...] = ()
    undo_text: Text | None = None


class CauseShape(msgspec.Struct, frozen=True):
    """One entry of `causes:`."""

    layer: str
    summary: Text
    proof: tuple[str, ...]
    remedy: tuple[RemedyShape, ...]
    verify: str
    certain_if: str | None = None


class PlaybookShape(msgspec.Struct, frozen=True):
    """A file in `playbooks/`, key by key."""

    schema: Literal["opskit.playbook/v1"]
    title: Text
    budget: Duration
    stages: tuple[Text, ...]
    probes: dict[str, UseShape]
    start: str
    steps: dict[str, StepShape]
    causes: dict[str, CauseShape]
    params: dict[str, ParamShape] = {}
    enabled: bool = True


def parse(data: bytes, source: str, playbook_id: str) -> Playbook | None:
    """Return the playbook, or None where the file masks it.

    Raises DefinitionError with every problem of the file.
    """
    document = compose(data, source)
    if is_mask(document):
        return None
    converter = Converter(document)
    root = document.root
    _check_names(converter, root, playbook_id)
    shape = converter.struct(root, PlaybookShape, "")
    targets = _targets(converter, root)
    good = converter.finish(shape)
    if not good.enabled:
        return None
    return Playbook(
        id=playbook_id,
        title=good.title,
        budget=good.budget,
        start=good.start,
        stages=good.stages,
        params={name: Param(param.default, param.says) for name, param in good.params.items()},
        probes={name: Use(use.probe, use.timeout, use.args) for name, use in good.probes.items()},
        steps={
            name: Step(name, step.stage, step.ask, step.when, targets[name], step.evidence)
            for name, step in good.steps.items()
        },
        causes={code: _cause(code, cause) for code, cause in good.causes.items()},
        source=source,
        lines=lines(root),
    )


def load(extra: Path | None = None) -> Loaded[Playbook]:
    """Return all effective playbooks by id, and beside them what is wrong with the files that are not usable."""
    return load_all("playbooks", extra, parse)


def _check_names(converter: Converter, root: yaml.MappingNode, playbook_id: str) -> None:
    """Names that conditions could not say, or that could mean two things."""
    converter.word(root, file_id, playbook_id, say("the file's name"))
    keys = {section: _keys(root, section) for section in ("params", "probes", "steps")}
    for section, nodes in keys.items():
        for node in nodes:
            converter.word(node, name, node.value, say("{section}", section=section))
    probes = {node.value for node in keys["probes"]}
    for node in keys["params"]:
        if node.value in probes:
            converter.complain(node, say("params: '{name}' is the name of a probe too", name=node.value))


def _keys(root: yaml.MappingNode, section: str) -> list[yaml.Node]:
    members = _member(root, section)
    return [key for key, _ in members.value] if isinstance(members, yaml.MappingNode) else []


def _cause(code: str, shape: CauseShape) -> Cause:
    remedy = tuple(Remedy(item.text, item.run, item.risk, item.undo, item.undo_text) for item in shape.remedy)
    return Cause(code, shape.layer, shape.summary, remedy, shape.verify, shape.certain_if, shape.proof)


def _targets(converter: Converter, root: yaml.MappingNode) -> dict[str, dict[str, Target]]:
    steps = _member(root, "steps")
    if not isinstance(steps, yaml.MappingNode):
        return {}
    return {
        name.value: {
            key.value: _target(converter, value, f"steps.{name.value}.{key.value}")
            for key, value in step.value
            if key.value in {"yes", "no", "unknown"}
        }
        for name, step in steps.value
        if isinstance(step, yaml.MappingNode)
    }


def _target(converter: Converter, node: yaml.Node, where: str) -> Target:
    if isinstance(node, yaml.ScalarNode):
        return Target(step=str(node.value))
    shape = converter.value(node, TargetShape, where)
    return Target(cause=shape.cause, end=shape.end) if isinstance(shape, TargetShape) else Target()


def _member(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)
