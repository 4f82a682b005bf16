"""The strict YAML reader: bytes in, a tree with line numbers out. `convert` gives the tree its types.

PyYAML alone reads YAML 1.1: `no` becomes False, `22:30` becomes 1350, a repeated key silently wins. Here the scalars of
the YAML 1.2 core schema apply (only `true` and `false` are booleans), and repeated keys, keys that are not text,
aliases, tags, control characters and a second document are errors.

The events are looked through before a tree is built: PyYAML builds it by recursion in C, and a file of 100000 brackets
would end the process there.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.problem import DefinitionError, Problem

LARGEST = 1 << 20
_DEEPEST = 40
_PREFIX = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)


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
    text = _decoded(data, source)
    try:
        problems = _screened(text, source)
        root = yaml.compose(text, Loader=_CoreSchema)
    except yaml.YAMLError as error:
        raise DefinitionError([_syntax(error, text, source)]) from None
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root is not None else 0
        raise DefinitionError([Problem(source, line, say("expected `key: value` lines at the top"))])
    problems += _repeated(root, source)
    if problems:
        raise DefinitionError(problems)
    return root


def line_of(root: yaml.Node, *path: str) -> int:
    """Return the line of the key that the path leads to, of the last that exists on the way, or 0."""
    line = 0
    for name in path:
        if not isinstance(root, yaml.MappingNode):
            return line
        found = next(((key, value) for key, value in root.value if key.value == name), None)
        if found is None:
            return line
        line, root = found[0].start_mark.line + 1, found[1]
    return line


def _decoded(data: bytes, source: str) -> str:
    if len(data) > LARGEST:
        raise DefinitionError([Problem(source, 0, say("the file is larger than 1 MiB; a definition is a few pages"))])
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")  # some editors begin UTF-8 with a mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DefinitionError([Problem(source, line, say("not UTF-8 text"))]) from None
    control = _CONTROL.search(text)
    if control is not None:
        # PyYAML refuses these too, but counts its position in bytes and so names another line.
        line = text.count("\n", 0, control.start()) + 1
        char = printable(control.group())
        raise DefinitionError([Problem(source, line, say("not valid YAML: control character {char}", char=char))])
    return text


def _screened(text: str, source: str) -> list[Problem]:
    """Go through the events and collect what YAML allows but a definition must not contain.

    Raises DefinitionError at once where building the tree would make no sense.
    """
    problems: list[Problem] = []
    depth = documents = 0
    for event in yaml.parse(text, Loader=_CoreSchema):
        depth += isinstance(event, _OPENING) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > _DEEPEST:
            raise DefinitionError([*problems, Problem(source, line, say("nested too deeply"))])
        if documents > 1:
            text_after = say("a second document begins here: one file holds one definition")
            raise DefinitionError([*problems, Problem(source, line, text_after)])
        wrong = _wrong_event(event)
        if wrong and Problem(source, line, wrong) not in problems[-1:]:
            problems.append(Problem(source, line, wrong))
    return problems


def _wrong_event(event: yaml.Event) -> Message | None:
    if isinstance(event, yaml.AliasEvent):
        return say("aliases (*name) are not used in definitions: write the value out")
    tag = getattr(event, "tag", None)
    return None if tag is None else say("tags ({tag}) are not used in definitions", tag=tag)


def _syntax(error: yaml.YAMLError, text: str, source: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or "cannot be read"
    line = mark.line + 1 if mark else 0
    lines = text.splitlines()
    if mark and mark.line < len(lines) and re.match(r" *\t", lines[mark.line]):
        return Problem(source, line, say("indented with a tab: YAML wants blanks"))
    return Problem(source, line, say("not valid YAML: {what}", what=printable(str(what))))


def _repeated(root: yaml.Node, source: str) -> list[Problem]:
    """Check the keys of all mappings; an alias may lead back to a node, so each is looked at once."""
    problems: list[Problem] = []
    seen: set[int] = set()
    waiting: list[yaml.Node] = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            problems += _keys(node, source)
            waiting += [value for _key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return problems


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
