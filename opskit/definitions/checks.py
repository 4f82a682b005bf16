"""Check files: YAML in, Check values out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from opskit.definitions.convert import Converter, plain
from opskit.definitions.reader import compose
from opskit.definitions.scalars import duration, range_text, sustain
from opskit.definitions.search import find, read
from opskit.model.check import Check, Confirm, Deviation, Rule, Sustain
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
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
    at_least: int


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
    enabled: bool = True


def parse(data: bytes, source: str, check_id: str) -> Check | None:
    """Return the check, or None where the file masks it with `enabled: false`.

    Raises DefinitionError with every problem of the file.
    """
    root = compose(data, source)
    if plain(root) == {"enabled": False}:
        return None
    converter = Converter(source)
    shape = converter.struct(root, CheckShape, "")
    if shape is None or converter.problems:
        raise DefinitionError(converter.problems)
    if not shape.rules:
        raise DefinitionError([Problem(source, 1, say("rules: a check without rules can judge nothing"))])
    return _check(shape, source, check_id) if shape.enabled else None


def load(extra: Path | None = None) -> dict[str, Check]:
    """Return all effective checks by id.

    Raises DefinitionError with the problems of all files together.
    """
    checks: dict[str, Check] = {}
    problems: list[Problem] = []
    for found in find("checks", extra).values():
        try:
            check = parse(read(found.path), str(found.path), found.id)
        except DefinitionError as error:
            problems += error.problems
            continue
        if check is not None:
            checks[check.id] = check
    if problems:
        raise DefinitionError(problems)
    return checks


def _check(shape: CheckShape, source: str, check_id: str) -> Check:
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
        source=source,
    )


def _rule(shape: RuleShape) -> Rule:
    confirm = Confirm(shape.confirm.metric, shape.confirm.range) if shape.confirm else None
    deviation = Deviation(shape.deviation.over, shape.deviation.at_least) if shape.deviation else None
    return Rule(shape.metric, shape.warn, shape.crit, shape.per, shape.optional, confirm, deviation, shape.say)
