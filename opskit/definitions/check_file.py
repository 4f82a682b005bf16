"""A check file: YAML in, a Check value out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import yaml

from opskit.definitions.convert import Converter
from opskit.definitions.draft import Draft
from opskit.definitions.plain import is_mask
from opskit.definitions.reader import compose, lines
from opskit.definitions.scalars import count, duration, file_id, range_text, sustain
from opskit.model.check import SELF_JUDGED, Check, Confirm, Deviation, Rule, States, Sustain
from opskit.model.message import say
from opskit.model.problem import Lines, Problem
from opskit.model.text import Text

Duration = Annotated[float, duration]
RangeText = Annotated[str, range_text]


class ConfirmShape(msgspec.Struct, frozen=True):
    """`confirm:` of a rule."""

    metric: str
    range: RangeText


class DeviationShape(msgspec.Struct, frozen=True):
    """`deviation:` of a rule."""

    over: Duration
    at_least: Annotated[int, count]
    sustained: bool = False
    floor: float = 0.0


class RuleShape(msgspec.Struct, frozen=True):
    """One entry of `rules:`."""

    metric: str
    warn: RangeText | None = None
    crit: RangeText | None = None
    per: str | None = None
    optional: bool = False
    confirm: ConfirmShape | None = None
    deviation: DeviationShape | None = None
    say: Text | None = None
    clear: RangeText | None = None


class CheckShape(msgspec.Struct, frozen=True, rename={"args": "with", "sustain": "for"}):
    """A file in `checks/`, key by key."""

    summary: Text
    why: Text
    probe: str
    rules: tuple[RuleShape, ...]
    every: Duration
    timeout: Duration
    args: dict[str, Any] = {}
    sustain: Annotated[Sustain, sustain] = Sustain(1, 1)
    playbook: str | None = None
    also: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    states: States | None = None
    todo: Text | None = None
    enabled: bool = True


class SelfJudgedShape(CheckShape, frozen=True, kw_only=True):
    """The same for a probe whose subject brings a state of its own: `rules:` may add to that, and may be left out."""

    rules: tuple[RuleShape, ...] = ()


def parse(data: bytes, source: str, check_id: str) -> Check | None:
    """Return the check, or None where the file masks it with `enabled: false`.

    Raises DefinitionError with every problem of the file.
    """
    return outline(data, source, check_id).whole()


def outline(data: bytes, source: str, check_id: str) -> Draft[Check]:
    """Return what can be made of the file, and what is wrong with it.

    Raises DefinitionError where nothing can be made of it.
    """
    document = compose(data, source)
    if is_mask(document):
        return Draft(None)
    converter = Converter(document)
    converter.word(document.root, file_id, check_id, say("the file's name"))
    known = lines(document.root)
    judges_itself = _probe_named(document.root) in SELF_JUDGED
    shape = converter.struct(document.root, SelfJudgedShape if judges_itself else CheckShape, "")
    if not shape.rules and not judges_itself and "rules" not in converter.unsure:
        converter.problems.append(Problem(source, known.of("rules"), say("rules: nothing to judge by")))
    return converter.draft(_check(shape, source, check_id, known) if shape.enabled else None)


def _probe_named(root: yaml.Node) -> str:
    """The text behind `probe:`, before anybody knows whether the rest makes sense; of none or several nothing."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    named = [value.value for key, value in pairs if key.value == "probe" and isinstance(value, yaml.ScalarNode)]
    return named[0] if len(named) == 1 else ""


def _check(shape: CheckShape, source: str, check_id: str, known: Lines) -> Check:
    return Check(
        id=check_id,
        summary=shape.summary,
        why=shape.why,
        probe=shape.probe,
        rules=tuple(_rule(rule) for rule in shape.rules),
        every=shape.every,
        timeout=shape.timeout,
        args=shape.args,
        sustain=shape.sustain,
        playbook=shape.playbook,
        also=shape.also,
        depends_on=shape.depends_on,
        states=shape.states,
        todo=shape.todo,
        source=source,
        lines=known,
    )


def _rule(shape: RuleShape) -> Rule:
    confirm = Confirm(shape.confirm.metric, shape.confirm.range) if shape.confirm else None
    moved = shape.deviation
    deviation = Deviation(moved.over, moved.at_least, moved.sustained, moved.floor) if moved else None
    limits = (shape.metric, shape.warn, shape.crit, shape.per, shape.optional)
    return Rule(*limits, confirm, deviation, shape.say, shape.clear)
