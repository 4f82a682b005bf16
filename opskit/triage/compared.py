"""What conditions compare facts with: the values that make a difference. For those who choose facts, and for lint."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from opskit.model.reading import Fact
from opskit.triage.expression import Expression


class Compared(NamedTuple):
    """A comparison, as written: a fact on the left, and what it is held against; `other` where that is a fact too."""

    fact: str
    order: str
    value: Fact
    other: str | None = None


ORDERS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def root_of(expression: Expression) -> ast.expr:
    """Return the condition as a tree."""
    return ast.parse(expression.text, mode="eval").body


def comparisons(root: ast.expr, params: Mapping[str, float]) -> Iterator[Compared]:
    """Yield every comparison that has a fact in it."""
    for node in ast.walk(root):
        if isinstance(node, ast.Compare):
            found = comparison(node, params)
            if found is not None:
                yield found


def comparison(node: ast.Compare, params: Mapping[str, float]) -> Compared | None:
    """Return a comparison with its fact on the left; None where it has none."""
    left, right, order = node.left, node.comparators[0], ORDERS[type(node.ops[0])]
    if not isinstance(left, ast.Attribute):
        left, right, order = right, left, _TURNED[order]
    if not isinstance(left, ast.Attribute):
        return None
    if isinstance(right, ast.Attribute):
        return Compared(ast.unparse(left), order, None, ast.unparse(right))
    return Compared(ast.unparse(left), order, value_of(right, params))


def value_of(node: ast.expr, params: Mapping[str, float]) -> Fact:
    """Return the value of a constant or a parameter."""
    if isinstance(node, ast.Name):
        return params[node.id]
    found: Fact = ast.literal_eval(node)
    return found
