"""Conditions that always come to the same answer: what they ask for can never hold, or cannot fail to. Part of lint.

A condition is taken apart into its alternatives, each a list of comparisons that must hold together, and each list is
looked at fact by fact: `gpu.hottest_c > 90 and gpu.hottest_c < 80` leaves no number. What compares two facts is only
held against its own contrary. So what is called constant is constant; what is too long to take apart is let pass.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from opskit.triage.compared import ORDERS, Compared, comparison, root_of, value_of
from opskit.triage.expression import Expression

_MOST_ALTERNATIVES = 2000
_CONTRARY = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class _LongError(Exception):
    """There are too many alternatives to look at."""


def always(expression: Expression, params: Mapping[str, float]) -> bool | None:
    """Return the one answer that a condition can come to as long as its facts are known; None where both can be."""
    root = root_of(expression)
    try:
        if not any(_is_possible(parts) for parts in _alternatives(root, True, params)):
            return False
        if not any(_is_possible(parts) for parts in _alternatives(root, False, params)):
            return True
    except _LongError:
        return None
    return None


def _alternatives(node: ast.expr, truth: bool, params: Mapping[str, float]) -> list[list[Compared]]:
    """The ways in which a condition can come to `truth`: each a list of comparisons that all hold."""
    if isinstance(node, ast.BoolOp):
        parts = [_alternatives(part, truth, params) for part in node.values]
        if isinstance(node.op, ast.Or) is truth:
            return _short([one for part in parts for one in part])
        if math.prod(len(part) for part in parts) > _MOST_ALTERNATIVES:
            raise _LongError
        return [list(itertools.chain(*combined)) for combined in itertools.product(*parts)]
    if isinstance(node, ast.UnaryOp):
        return _alternatives(node.operand, not truth, params)
    if isinstance(node, ast.Compare):
        return _compared(node, truth, params)
    if isinstance(node, ast.Constant):
        return [[]] if bool(node.value) is truth else []
    return [[Compared(ast.unparse(node), "==", truth)]]


def _short(found: list[list[Compared]]) -> list[list[Compared]]:
    if len(found) > _MOST_ALTERNATIVES:
        raise _LongError
    return found


def _compared(node: ast.Compare, truth: bool, params: Mapping[str, float]) -> list[list[Compared]]:
    found = comparison(node, params)
    if found is None:  # two constants: their order is known
        left, right = (value_of(side, params) for side in (node.left, node.comparators[0]))
        return [[]] if _holds(left, Compared("", ORDERS[type(node.ops[0])], right)) is truth else []
    return [[found if truth else found._replace(order=_CONTRARY[found.order])]]


def _is_possible(parts: Sequence[Compared]) -> bool:
    """Whether some value of each fact makes all its comparisons true."""
    facts: dict[str, list[Compared]] = {}
    for part in parts:
        if part.other is not None:
            if part.other == part.fact:
                if part.order in {"<", ">", "!="}:
                    return False
                continue
            if part._replace(order=_CONTRARY[part.order]) in parts:
                return False
            continue
        facts.setdefault(part.fact, []).append(part)
    return all(_has_value(held) for held in facts.values())


def _has_value(held: Sequence[Compared]) -> bool:
    return any(all(_holds(value, one) for one in held) for value in _candidates(held))


def _candidates(held: Iterable[Compared]) -> Iterator[object]:
    """Values that stand for all others: the compared ones, one between each two, and one beyond each end."""
    values = [one.value for one in held]
    if all(isinstance(value, bool) for value in values):
        yield from (True, False)
    elif any(isinstance(value, str) for value in values):
        yield from values
        yield "".join(str(value) for value in values) + "?"
    else:
        numbers = sorted({float(value) for value in values if isinstance(value, int | float)})
        yield from numbers
        yield from ((one + two) / 2 for one, two in itertools.pairwise(numbers))
        yield from (numbers[0] - 1, numbers[-1] + 1)


def _holds(value: object, one: Compared) -> bool:
    if one.order == "==":
        return value == one.value
    if one.order == "!=":
        return value != one.value
    left, right = float(str(value)), float(str(one.value))
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[one.order]
