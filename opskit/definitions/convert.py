"""From the YAML tree to typed values: every mistake is collected with its line, none stops the others from being seen.

What is wrong gets a stand-in and its place is noted as unsure, so that all around it can still be looked at (`draft`).

A file's shape is a msgspec Struct. Field types may be str, int, float, bool, Any, Literal, tuples, dicts with text
keys, Structs, unions with None, and `Annotated[T, function]`, where the function turns the scalar's text into a T.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from opskit.definitions.builder import MENDED, PARTIAL
from opskit.definitions.draft import Draft, stand_in
from opskit.definitions.plain import got, is_null, plain
from opskit.definitions.reader import Document
from opskit.definitions.wording import kind_of, quoted, reason, unknown_key
from opskit.model.message import Message, say
from opskit.model.printable import first_unsafe, printable
from opskit.model.problem import DefinitionError, Problem
from opskit.model.text import Text

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)
_INVALID: Any = object()  # a value whose problem is already on the list


class Converter:
    """Turns nodes of one file into values; what it returned is good only if `problems` is empty afterwards.

    The problems begin with those of the file's notation: what was mended there is not complained of again. `unsure` are
    the places, as messages spell them, where nobody knows what was meant.
    """

    def __init__(self, document: Document) -> None:
        self.source = document.source
        self.problems = list(document.problems)
        self.unsure: set[str] = set()

    def complain(self, node: yaml.Node, text: Message) -> Any:
        """Note a problem at a node and return the mark for its value."""
        self.problems.append(Problem(self.source, node.start_mark.line + 1, text))
        return _INVALID

    def finish(self, made: _S) -> _S:
        """Return what was made.

        Raises DefinitionError where there is any problem.
        """
        if self.problems:
            raise DefinitionError(self.problems)
        return made

    def draft(self, made: _T | None) -> Draft[_T]:
        """Return what was made together with what is wrong with it."""
        return Draft(made, DefinitionError(self.problems).problems, frozenset(self.unsure))

    def struct(self, node: yaml.Node, kind: type[_S], where: str) -> _S:
        """Return a `kind`, with stand-ins where its fields are wrong. `where` names the place for messages."""
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, say("{where}: expected keys and values, got {got}", where=where, got=got(node)))
            made: _S = self._stand_in(kind, where)
            return made
        fields = {field.encode_name: field for field in _fields(kind)}
        hints = _hints(kind)
        values: dict[str, Any] = {}
        misread = node.tag == PARTIAL  # a key that cannot be read may be any of those that seem to be absent
        for key, value in node.value:
            field = fields.get(key.value)
            if field is None:
                self.complain(key, unknown_key(key.value, where, list(fields)))
                misread = True
                continue
            values[field.name] = self._member(key, value, hints[field.name], _join(where, key.value))
        for name, field in fields.items():
            if field.name in values:
                continue
            if field.required:
                self.complain(node, say("{where}: missing key '{key}'", where=where or "file", key=name))
                values[field.name] = self._stand_in(hints[field.name], _join(where, name))
            elif misread:
                self.unsure.add(_join(where, name))
        return kind(**values)

    def value(self, node: yaml.Node, kind: Any, where: str) -> Any:
        """Return the node's value as `kind`, or a stand-in where it is none."""
        made = _INVALID if node.tag == MENDED else self._converted(node, kind, where)
        return self._stand_in(kind, where) if made is _INVALID else made

    def _member(self, key: yaml.Node, value: yaml.Node, kind: Any, where: str) -> Any:
        """The value of a key; of one that is given twice, only what stands inside of the first is still looked at."""
        made = self.value(value, kind, where)
        if key.tag != MENDED:
            return made
        self.unsure.add(where)
        return self._stand_in(kind, where) if isinstance(value, yaml.ScalarNode) else made

    def _stand_in(self, kind: Any, where: str) -> Any:
        made, unsure = stand_in(kind, where)
        self.unsure |= unsure
        return made

    def _converted(self, node: yaml.Node, kind: Any, where: str) -> Any:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            return self._parsed(node, typing.get_args(kind)[1], where)
        if origin in {typing.Union, types.UnionType}:
            return self._optional(node, typing.get_args(kind), where)
        if origin is tuple:
            return self._sequence(node, typing.get_args(kind)[0], where)
        if origin is dict:
            return self._mapping(node, typing.get_args(kind)[1], where)
        if origin is Literal:
            return self._choice(node, typing.get_args(kind), where)
        if kind is Any:
            return plain(node)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._words(node, where) if kind is Text else self.struct(node, kind, where)
        return self._scalar(node, kind, where)

    def word(self, node: yaml.Node, parse: Callable[[str], Any], text: str, what: Message) -> bool:
        """Hold a name against its notation and return whether it is good; `what` says whose name it is."""
        try:
            parse(text)
        except ValueError as error:
            self.complain(node, say("{what}: {wrong}, got {got}", what=what, wrong=reason(error), got=quoted(text)))
            return False
        return True

    def _words(self, node: yaml.Node, where: str) -> Any:
        """A sentence per language; a site's own file may be in one, so a bare sentence stands for {en: ...}."""
        if not isinstance(node, yaml.MappingNode):
            sentence = self._sentence(node, where)
            return _INVALID if sentence is _INVALID else Text(sentence)
        self.struct(node, Text, where)
        places = {name: f"{where}.{name}" for name in Text.__struct_fields__}
        sure = {name: place for name, place in places.items() if place not in self.unsure}
        said = {key.value: self._sentence(value, sure[key.value]) for key, value in node.value if key.value in sure}
        return _INVALID if sure != places or _INVALID in said.values() else Text(said["en"], said.get("zh"))

    def _sentence(self, node: yaml.Node, where: str) -> Any:
        """Words are printed in one line, so line ends become blanks; what a terminal would obey is refused."""
        if not isinstance(node, yaml.ScalarNode) or node.tag != "str" or not node.value.strip():
            return self.complain(
                node,
                say("{where}: expected a sentence, or one for each language, got {got}", where=where, got=got(node)),
            )
        unsafe = first_unsafe(node.value)
        if unsafe is not None:
            char = printable(node.value[unsafe])
            return self.complain(node, say("{where}: control character {char} in a sentence", where=where, char=char))
        return " ".join(node.value.split())

    def _optional(self, node: yaml.Node, kinds: tuple[Any, ...], where: str) -> Any:
        rest = [kind for kind in kinds if kind is not type(None)]
        if len(rest) < len(kinds) and is_null(node):
            return None
        return self._converted(node, rest[0], where)

    def _sequence(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self.complain(node, say("{where}: expected a list, got {got}", where=where, got=got(node)))
        return tuple(self.value(item, kind, f"{where}[{n}]") for n, item in enumerate(node.value))

    def _mapping(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self.complain(node, say("{where}: expected keys and values, got {got}", where=where, got=got(node)))
        if node.tag == PARTIAL:
            self.unsure.add(where)
        values = {key.value: self._member(key, value, kind, f"{where}.{key.value}") for key, value in node.value}
        if kind is not Any:
            return values
        return {name: value for name, value in values.items() if f"{where}.{name}" not in self.unsure}

    def _choice(self, node: yaml.Node, choices: tuple[str, ...], where: str) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.value in choices:
            return node.value
        expected = ", ".join(choices)
        return self.complain(
            node, say("{where}: expected one of {choices}, got {got}", where=where, choices=expected, got=got(node))
        )

    def _parsed(self, node: yaml.Node, parse: Any, where: str) -> Any:
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            return self.complain(node, say("{where}: expected text, got {got}", where=where, got=got(node)))
        try:
            return parse(node.value)
        except ValueError as error:
            return self.complain(
                node, say("{where}: {what}, got {got}", where=where, what=reason(error), got=quoted(node.value))
            )

    def _scalar(self, node: yaml.Node, kind: type, where: str) -> Any:
        value = plain(node)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if type(value) is not kind:
            unquoted = isinstance(node, yaml.ScalarNode) and not is_null(node)
            expected = kind_of(kind, unquoted=unquoted)
            return self.complain(
                node, say("{where}: expected {kind}, got {got}", where=where, kind=expected, got=got(node))
            )
        return value


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


_hints = functools.cache(functools.partial(typing.get_type_hints, include_extras=True))
_fields = functools.cache(msgspec.structs.fields)  # it evaluates every annotation anew
