"""What a node of the YAML tree comes to by itself, before anybody says what it should be."""

from __future__ import annotations

import math
from typing import Any

import yaml

from opskit.definitions.reader import Document
from opskit.definitions.wording import quoted
from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError

_LONGEST_NUMBER = 100


def plain(node: yaml.Node) -> Any:
    """Return the node as dicts, lists and scalars of the YAML 1.2 core schema."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    kind, text = node.tag, node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    return _number(text) if kind in {"int", "float"} and len(text) <= _LONGEST_NUMBER else text


def got(node: yaml.Node) -> Message | str:
    """What was found instead."""
    if isinstance(node, yaml.MappingNode):
        return say("keys and values")
    if isinstance(node, yaml.SequenceNode):
        return say("a list")
    return say("nothing") if node.tag == "null" else quoted(node.value)


def is_null(node: yaml.Node) -> bool:
    """Whether nothing stands there."""
    return bool(node.tag == "null")


def is_mask(document: Document) -> bool:
    """True where a file says `enabled: false` and nothing else.

    Raises DefinitionError where even that is not written as it must be.
    """
    if plain(document.root) != {"enabled": False}:
        return False
    if document.problems:
        raise DefinitionError(document.problems)
    return True


def _number(text: str) -> int | float | str:
    """Numbers as the core schema writes them; one that no float can hold stays text, and so is refused as a number."""
    if text[:2] in {"0x", "0o"}:
        return int(text, 0)
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return number if math.isfinite(number) else text
