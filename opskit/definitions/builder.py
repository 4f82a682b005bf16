"""From YAML events to a tree. What YAML allows but a definition must not contain is noted and mended on the way.

Mended means: the tree can be read on, so that one run names the mistakes of the notation and those of the content. A
repeated key and one that is not text are left out, and what they are left out of is marked PARTIAL; an alias and
whatever bears a tag keep their place, marked MENDED, which no reader complains of again. So a tree has no node twice,
however the aliases of its file led around.

The tree is built here and not by PyYAML, which does that by recursion in C: a file of 100000 brackets would end the
process. PyYAML's scalars are those of YAML 1.1 besides, where `no` is False and `22:30` is 1350.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.regex import regex

MENDED = "mended"
PARTIAL = "partial"
_DEEPEST = 40
# The core schema of YAML 1.2, chapter 10.3.2 of yaml.org/spec/1.2.2, without the numbers that are none (.inf, .nan).
_SCALAR = regex(
    "(?P<null>~|null|Null|NULL|)|(?P<bool>true|True|TRUE|false|False|FALSE)"
    "|(?P<int>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)


class Builder:
    """Takes the events of one file; afterwards `root` is its tree, None of an empty one, and `problems` its mistakes.

    The tag of a node is the kind of its scalar by the core schema: null, bool, int, float or str; or MENDED, as is that
    of a key which comes again: nobody knows which of its values was meant. Of a mapping it may be PARTIAL.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: yaml.Node | None = None
        self._open: list[tuple[yaml.CollectionStartEvent, list[yaml.Node]]] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Add an event. Raises DefinitionError where reading on makes no sense."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._give_up(event, say("a second document begins here: one file holds one definition"))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event, []))
            if len(self._open) > _DEEPEST:
                self._give_up(event, say("nested too deeply"))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._place(self._collection(*self._open.pop()))
        elif isinstance(event, yaml.NodeEvent):
            self._place(self._leaf(event))

    def _give_up(self, event: yaml.Event, text: Message) -> None:
        raise DefinitionError([*self.problems, Problem(self.source, _mark(event).line + 1, text)])

    def _note(self, event: yaml.Event | yaml.Node, text: Message) -> None:
        """A line full of aliases is one mistake."""
        problem = Problem(self.source, _mark(event).line + 1, text)
        if problem not in self.problems[-1:]:
            self.problems.append(problem)

    def _place(self, node: yaml.Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node

    def _leaf(self, event: yaml.NodeEvent) -> yaml.Node:
        if not isinstance(event, yaml.ScalarEvent):
            self._note(event, say("aliases (*name) are not used in definitions: write the value out"))
            return yaml.ScalarNode(MENDED, "", _mark(event))
        return yaml.ScalarNode(self._tag(event, _kind(event)), event.value, _mark(event))

    def _collection(self, event: yaml.CollectionStartEvent, inside: list[yaml.Node]) -> yaml.Node:
        if isinstance(event, yaml.SequenceStartEvent):
            return yaml.SequenceNode(self._tag(event, "seq"), inside, _mark(event))
        members = list(self._members(inside))
        kind = "map" if 2 * len(members) == len(inside) else PARTIAL
        return yaml.MappingNode(self._tag(event, kind), members, _mark(event))

    def _tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, kind: str) -> str:
        if event.tag is None:
            return kind
        self._note(event, say("tags ({tag}) are not used in definitions", tag=event.tag))
        return MENDED

    def _members(self, inside: list[yaml.Node]) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """The keys and values of a mapping, which PyYAML delivers in turns."""
        first: dict[str, yaml.ScalarNode] = {}
        for key, value in zip(inside[::2], inside[1::2], strict=True):
            if not isinstance(key, yaml.ScalarNode):
                self._note(key, say("a key is text, not a list, nor keys and values"))
            elif key.tag not in {"str", MENDED}:
                self._note(key, say('key {key} is not text: put it in quotes, "{key}"', key=key.value))
            elif key.value in first:
                line = _mark(first[key.value]).line + 1
                self._note(key, say("duplicate key '{key}', first in line {line}", key=key.value, line=line))
                first[key.value].tag = MENDED
            elif key.value or key.tag != MENDED:
                first[key.value] = key
                yield key, value


def _kind(event: yaml.ScalarEvent) -> str:
    """What a scalar is: in quotes, or written as a block, it is text."""
    plain, _quoted = event.implicit
    found = _SCALAR.fullmatch(event.value) if plain else None
    return (found.lastgroup if found else None) or "str"


def _mark(at: yaml.Event | yaml.Node) -> Any:
    """Where something stands in its file: what comes out of a parser has that always, whatever the types say."""
    return at.start_mark
