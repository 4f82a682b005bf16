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
from collections.abc import Callable, Mapping
from typing import Literal

from opskit.model.message import Message, say
from opskit.model.reading import Fact

Kind = Literal["number", "bool", "text"]
Schema = Mapping[str, Mapping[str, Kind]]
"""Facts by the probe's name in the playbook: `{"gpu": {"hottest_c": "number"}}`."""

_LONGEST = 500
_UNITS = ("_s", "_c", "_pct", "_bytes")
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

    def evaluate(self, fact: Callable[[str], Fact], params: Mapping[str, float]) -> bool | None:
        """Return True, False, or None where it cannot be told. `fact` gives a fact's value by full name."""
        return _truth(self._root, lambda name: params[name] if name in params else fact(name))


def compile_expression(text: str, schema: Schema, params: Mapping[str, float]) -> Expression:
    """Check a condition against the facts and parameters there are.

    Raises ExpressionError.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(say("the condition is longer than {limit} characters", limit=_LONGEST))
    try:
        root = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = error.msg if isinstance(error, SyntaxError) else "it cannot be parsed"
        column = (error.offset or 1) if isinstance(error, SyntaxError) else 1
        raise ExpressionError(say("column {column}: {what}", column=column, what=what)) from None
    checker = _Checker(schema, params)
    if checker.kind(root) != "bool":
        raise _refuse(root, say("this is a value, not a condition: compare it with something"))
    return Expression(text.strip(), root, tuple(dict.fromkeys(checker.used)))


class _Checker:
    """Finds the type of each node, and refuses what the language does not have."""

    def __init__(self, schema: Schema, params: Mapping[str, float]) -> None:
        self.schema = schema
        self.params = params
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
            raise _refuse(node, say("expected a condition here, got a value"))

    def _operand(self, node: ast.expr) -> Kind:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._fact(node, node.value.id, node.attr)
        if isinstance(node, ast.Name):
            if node.id not in self.params:
                raise _refuse(node, say("unknown parameter '{name}'", name=node.id))
            return "number"
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return _constant_kind(node)
        raise _refuse(node, say("only facts, parameters, constants, comparisons, and, or, not are allowed here"))

    def _fact(self, node: ast.expr, probe: str, name: str) -> Kind:
        if probe not in self.schema:
            raise _refuse(
                node, say("unknown probe '{name}', expected one of {known}", name=probe, known=_list(self.schema))
            )
        if name not in self.schema[probe]:
            known = _list(self.schema[probe])
            raise _refuse(
                node, say("'{probe}' has no fact '{name}', it has {known}", probe=probe, name=name, known=known)
            )
        self.used.append(f"{probe}.{name}")
        return self.schema[probe][name]

    def _comparison(self, node: ast.Compare) -> Kind:
        if len(node.ops) != 1:
            raise _refuse(node, say("chained comparison: write two comparisons joined by `and`"))
        left, right, order = node.left, node.comparators[0], type(node.ops[0])
        kinds = (self._operand(left), self._operand(right))
        if order in _ORDER and kinds != ("number", "number"):
            raise _refuse(node, say("cannot order {left} and {right}", left=kinds[0], right=kinds[1]))
        if order not in _ORDER and order not in _EQUALITY:
            raise _refuse(node, say("only <, <=, >, >=, == and != compare"))
        if kinds[0] != kinds[1]:
            raise _refuse(node, say("cannot compare {left} with {right}", left=kinds[0], right=kinds[1]))
        units = (_unit(left), _unit(right))
        if units[0] and units[1] and units[0] != units[1]:
            raise _refuse(node, say("compares {left} with {right}", left=units[0][1:], right=units[1][1:]))
        return "bool"


def _truth(node: ast.expr, value: Callable[[str], Fact]) -> bool | None:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, value) for part in node.values]
        decisive = isinstance(node.op, ast.Or)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if isinstance(node, ast.UnaryOp):
        inner = _truth(node.operand, value)
        return None if inner is None else not inner
    if isinstance(node, ast.Compare):
        return _compare(type(node.ops[0]), _look_up(node.left, value), _look_up(node.comparators[0], value))
    found = _look_up(node, value)
    return None if found is None else bool(found)


def _compare(order: type[ast.cmpop], left: Fact, right: Fact) -> bool | None:
    if left is None or right is None:
        return None
    if order in _EQUALITY:
        return _EQUALITY[order](left, right)
    if isinstance(left, str) or isinstance(right, str):
        return None
    return _ORDER[order](left, right)


def _look_up(node: ast.expr, value: Callable[[str], Fact]) -> Fact:
    found: Fact = None
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        found = node.value
    elif isinstance(node, ast.Name):
        found = value(node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        found = value(f"{node.value.id}.{node.attr}")
    # NaN compares False with everything: it must not pass for an answer.
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _constant_kind(node: ast.Constant) -> Kind:
    if isinstance(node.value, bool):
        return "bool"
    return "text" if isinstance(node.value, str) else "number"


def _unit(node: ast.expr) -> str | None:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return next((unit for unit in _UNITS if name.endswith(unit)), None)


def _refuse(node: ast.expr, reason: Message) -> ExpressionError:
    return ExpressionError(say("column {column}: {what}", column=node.col_offset + 1, what=reason))


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"
