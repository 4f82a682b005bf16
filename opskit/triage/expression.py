"""The conditions of playbooks: a small typed language over facts, in three-valued logic.

    gateway_log.slowest_s > slow_s or not ollama.answered

Comparisons of facts, parameters and constants, joined by `and`, `or`, `not`. Names, types and units are checked when a
playbook is loaded. A fact that could not be told makes a comparison unknown, and Kleene's tables carry that upward:
an unknown part decides nothing, and the whole stays unknown unless the other parts decide it.

The text is parsed by Python's own parser and only the handful of node types above is let through; nothing is ever
executed, so there are no calls, subscripts or objects to escape through.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Literal

from opskit.model.message import Message, say
from opskit.model.reading import Fact

Kind = Literal["number", "bool", "text"]
Facts = Callable[[str], Fact]
Schema = Mapping[str, Mapping[str, Kind]]
"""Facts by the probe's name in the playbook: `{"gpu": {"hottest_c": "number"}}`."""

_LONGEST = 500
_UNITS = ("_s", "_ms", "_c", "_pct", "_bytes", "_mb", "_w")
_ORDER: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITY: dict[type[ast.cmpop], Callable[[Fact, Fact], bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}


class ExpressionError(Exception):
    """The condition cannot be used. `reason` says why and at which column."""

    def __init__(self, reason: Message) -> None:
        self.reason = reason
        super().__init__(str(reason))


class Expression:
    """A checked condition. `facts` are the full names it refers to, in order of appearance."""

    def __init__(self, text: str, root: ast.expr, facts: tuple[str, ...]) -> None:
        self.text = text
        self.facts = facts
        self._root = root

    def evaluate(self, fact: Facts, params: Mapping[str, float]) -> bool | None:
        """Return True, False, or None where it cannot be told. `fact` gives a fact's value by full name."""
        return _truth(self._root, fact, params)


def compile_expression(text: str, schema: Schema, params: Mapping[str, float]) -> Expression:
    """Check a condition against the facts and parameters there are.

    Raises ExpressionError.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(say("the condition is longer than {limit} characters", limit=_LONGEST))
    # A folded line of YAML is one line; one that was kept broken would start the columns anew.
    line = text.strip().replace("\n", " ")
    foreign = re.search(r"[^\x20-\x7e]", re.sub(r"'[^'\\]*'|\"[^\"\\]*\"", _blanked, line))
    if foreign is not None:
        # Python would fold look-alikes (full-width letters, say) into the names that they look like.
        raise _at(foreign.start(), say("{char} outside of a quoted text", char=repr(foreign.group())))
    checker = _Checker(schema, params, line)
    root = _parsed(line)
    if checker.kind(root) != "bool":
        raise checker.refuse(root, say("this is a value, not a condition: compare it with something"))
    return Expression(line, root, tuple(dict.fromkeys(checker.used)))


def _parsed(line: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd literals is not for the operator's terminal
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        # Offset 0 stands for the end of the text.
        raise _at((error.offset or len(line) + 1) - 1, say("{what}", what=error.msg)) from None
    except (ValueError, RecursionError, MemoryError):
        raise _at(0, say("it cannot be parsed")) from None


def _blanked(match: re.Match[str]) -> str:
    return " " * len(match.group())


class _Checker:
    """Finds the type of each node, and refuses what the language does not have."""

    def __init__(self, schema: Schema, params: Mapping[str, float], line: str) -> None:
        self.schema = schema
        self.params = params
        self.line = line
        self.used: list[str] = []

    def kind(self, node: ast.expr) -> Kind:
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self._condition(part)
            return "bool"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._condition(node.operand)
            return "bool"
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        return self._operand(node)

    def _condition(self, node: ast.expr) -> None:
        if self.kind(node) != "bool":
            raise self.refuse(node, say("expected a condition here, got a value"))

    def _operand(self, node: ast.expr) -> Kind:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._fact(node, node.value.id, node.attr)
        if isinstance(node, ast.Name):
            if node.id not in self.params:
                raise self.refuse(node, say("unknown parameter '{name}'", name=node.id))
            return "number"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._negative(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            if isinstance(node.value, float) and not math.isfinite(node.value):
                raise self.refuse(node, say("this number is too large"))
            return _constant_kind(node)
        raise self.refuse(node, say("only facts, parameters, constants, comparisons, and, or, not are allowed here"))

    def _negative(self, node: ast.UnaryOp) -> Kind:
        if not isinstance(node.operand, ast.Constant) or self._operand(node.operand) != "number":
            raise self.refuse(node, say("a minus stands before a number only"))
        return "number"

    def _fact(self, node: ast.expr, probe: str, name: str) -> Kind:
        if probe not in self.schema:
            raise self.refuse(
                node, say("unknown probe '{name}', expected one of {known}", name=probe, known=_list(self.schema))
            )
        if name not in self.schema[probe]:
            known = _list(self.schema[probe])
            raise self.refuse(
                node, say("'{probe}' has no fact '{name}', it has {known}", probe=probe, name=name, known=known)
            )
        self.used.append(f"{probe}.{name}")
        return self.schema[probe][name]

    def _comparison(self, node: ast.Compare) -> Kind:
        if len(node.ops) != 1:
            raise self.refuse(node, say("chained comparison: write two comparisons joined by `and`"))
        left, right, order = node.left, node.comparators[0], type(node.ops[0])
        kinds = (self._operand(left), self._operand(right))
        if order in _ORDER and kinds != ("number", "number"):
            raise self.refuse(node, say("cannot order {left} and {right}", left=kinds[0], right=kinds[1]))
        if order not in _ORDER and order not in _EQUALITY:
            raise self.refuse(node, say("only <, <=, >, >=, == and != compare"))
        if kinds[0] != kinds[1]:
            raise self.refuse(node, say("cannot compare {left} with {right}", left=kinds[0], right=kinds[1]))
        units = (_unit(left), _unit(right))
        if units[0] and units[1] and units[0] != units[1]:
            raise self.refuse(node, say("compares {left} with {right}", left=units[0][1:], right=units[1][1:]))
        return "bool"

    def refuse(self, node: ast.expr, reason: Message) -> ExpressionError:
        """The error at a node. Python counts its columns in bytes."""
        return _at(len(self.line.encode()[: node.col_offset].decode()), reason)


def _truth(node: ast.expr, fact: Facts, params: Mapping[str, float]) -> bool | None:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, fact, params) for part in node.values]
        decisive = isinstance(node.op, ast.Or)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if isinstance(node, ast.UnaryOp):
        inner = _truth(node.operand, fact, params)
        return None if inner is None else not inner
    if isinstance(node, ast.Compare):
        left, right = (_look_up(side, fact, params) for side in (node.left, node.comparators[0]))
        return _compare(type(node.ops[0]), left, right)
    found = _look_up(node, fact, params)
    # A probe that puts a text where it declared a truth value has told nothing.
    return found if isinstance(found, bool) else None


def _compare(order: type[ast.cmpop], left: Fact, right: Fact) -> bool | None:
    if left is None or right is None or isinstance(left, str) is not isinstance(right, str):
        return None
    if order in _EQUALITY:
        return _EQUALITY[order](left, right)
    if isinstance(left, str) or isinstance(right, str):
        return None
    return _ORDER[order](left, right)


def _look_up(node: ast.expr, fact: Facts, params: Mapping[str, float]) -> Fact:
    found: Fact = None
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        found = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        found = -node.operand.value if isinstance(node.operand.value, int | float) else None
    elif isinstance(node, ast.Name):
        found = params[node.id]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        found = fact(f"{node.value.id}.{node.attr}")
    # NaN compares False with everything: it must not pass for an answer.
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _constant_kind(node: ast.Constant) -> Kind:
    if isinstance(node.value, bool):
        return "bool"
    return "text" if isinstance(node.value, str) else "number"


def _unit(node: ast.expr) -> str | None:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return next((unit for unit in _UNITS if name.endswith(unit)), None)


def _at(place: int, reason: Message) -> ExpressionError:
    return ExpressionError(say("column {column}: {what}", column=place + 1, what=reason))


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"
