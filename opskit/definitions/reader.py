"""The strict YAML reader: bytes in, a tree with line numbers out. `convert` gives the tree its types.

PyYAML alone reads YAML 1.1: `no` becomes False, `22:30` becomes 1350, a repeated key silently wins. Here the scalars of
the YAML 1.2 core schema apply (only `true` and `false` are booleans), and repeated keys, keys that are not text,
aliases and tags are errors.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.problem import DefinitionError, Problem

_LARGEST = 1 << 20
_DEEPEST = 40
_PREFIX = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreSchema(_BASE):  # type: ignore[misc]  # the C loader is Any to mypy
    """Resolves plain scalars by the YAML 1.2 core schema (yaml.org/spec/1.2.2, chapter 10.3.2)."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  # the loader reads this very attribute


for _name, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$", list("-+.0123456789")),
):
    _CoreSchema.add_implicit_resolver(_PREFIX + _name, re.compile(_pattern), _first)


def compose(data: bytes, source: str) -> yaml.MappingNode:
    """Return the top mapping of a YAML document.

    Raises DefinitionError with all structural problems of the file.
    """
    if len(data) > _LARGEST:
        raise DefinitionError([Problem(source, 0, say("the file is larger than 1 MiB; a definition is a few pages"))])
    try:
        root = yaml.compose(data.decode("utf-8"), Loader=_CoreSchema)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DefinitionError([Problem(source, line, say("not UTF-8 text"))]) from None
    except yaml.YAMLError as error:
        raise DefinitionError([_syntax(error, data, source)]) from None
    except RecursionError:
        raise DefinitionError([Problem(source, 0, say("nested too deeply"))]) from None
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root is not None else 0
        raise DefinitionError([Problem(source, line, say("expected `key: value` lines at the top"))])
    problems = _structure(root, source)
    if problems:
        raise DefinitionError(problems)
    return root


def _syntax(error: yaml.YAMLError, data: bytes, source: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    line = mark.line + 1 if mark else 0
    position = getattr(error, "position", None)
    if mark is None and isinstance(position, int):
        line = data.decode("utf-8").count("\n", 0, position) + 1
    return Problem(source, line, say("not valid YAML: {what}", what=printable(str(what))))


def _structure(root: yaml.Node, source: str) -> list[Problem]:
    """Walk the tree once, without recursion, and collect what YAML allows but a definition must not contain."""
    problems: list[Problem] = []
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        wrong = _wrong_node(node, depth, id(node) in seen)
        if wrong:
            problems.append(Problem(source, node.start_mark.line + 1, wrong))
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            problems += _keys(node, source)
            waiting += [(value, depth + 1) for _key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(value, depth + 1) for value in node.value]
    return problems


def _wrong_node(node: yaml.Node, depth: int, again: bool) -> Message | None:
    if again:
        return say("aliases (*name) are not used in definitions: write the value out")
    if depth > _DEEPEST:
        return say("nested too deeply")
    kind = node.tag.removeprefix(_PREFIX)
    if kind not in {"null", "bool", "int", "float", "str", "map", "seq"}:
        return say("tags ({tag}) are not used in definitions", tag=node.tag)
    return None


def _keys(node: yaml.MappingNode, source: str) -> list[Problem]:
    problems = []
    first: dict[str, int] = {}
    for key, _value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != _PREFIX + "str":
            shown = key.value if isinstance(key, yaml.ScalarNode) else "..."
            problems.append(
                Problem(source, line, say('key {key} is not text: put it in quotes, "{key}"', key=str(shown)))
            )
        elif key.value in first:
            text = say("duplicate key '{key}', first in line {line}", key=key.value, line=first[key.value])
            problems.append(Problem(source, line, text))
        else:
            first[key.value] = line
    return problems
