"""The strict YAML reader: bytes in, a tree with line numbers out. `convert` gives the tree its types.

PyYAML alone reads YAML 1.1: `no` becomes False, `22:30` becomes 1350, a repeated key silently wins. Here the scalars of
the YAML 1.2 core schema apply (only `true` and `false` are booleans), and repeated keys, keys that are not text,
aliases, tags, control characters and a second document are errors.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from opskit.definitions.builder import Builder
from opskit.definitions.search import LARGEST
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.problem import DefinitionError, Lines, Problem
from opskit.model.regex import regex

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = regex("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Document(msgspec.Struct, frozen=True):
    """A file as a tree. Where it has `problems`, it was mended so that the rest of it can be read (see `builder`)."""

    source: str
    root: yaml.MappingNode
    problems: tuple[Problem, ...]


def compose(data: bytes, source: str) -> Document:
    """Return a YAML document and the mistakes of its notation.

    Raises DefinitionError where they leave no tree to read on in.
    """
    text = _decoded(data, source)
    builder = Builder(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise DefinitionError([*builder.problems, _syntax(error, text, source)]) from None
    root = builder.root
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root is not None else 0
        problem = Problem(source, line, say("expected `key: value` lines at the top"))
        raise DefinitionError([*builder.problems, problem])
    return Document(source, root, tuple(sorted(builder.problems, key=lambda problem: problem.line)))


def lines(node: yaml.Node) -> Lines:
    """Return the lines of everything inside of a node."""
    return Lines(0, _inside(node))


def _inside(node: yaml.Node) -> dict[str | int, Lines]:
    """What stands under a key counts from the key's line, what stands in a list from its own."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: Lines(key.start_mark.line + 1, _inside(value)) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return {n: Lines(item.start_mark.line + 1, _inside(item)) for n, item in enumerate(node.value)}
    return {}


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


def _syntax(error: yaml.YAMLError, text: str, source: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or "cannot be read"
    line = mark.line + 1 if mark else 0
    if "nesting depth" in str(what):  # from PyYAML 6.0.4 on
        return Problem(source, line, say("nested too deeply"))
    written = text.splitlines()
    if mark and mark.line < len(written) and re.match(r" *\t", written[mark.line]):
        return Problem(source, line, say("indented with a tab: YAML wants blanks"))
    return Problem(source, line, say("not valid YAML: {what}", what=printable(str(what))))
