"""What stands on what: which checks may tell of one and the same fault, and which of them is nearest to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from opskit.model.check import Check

Depends = Mapping[str, frozenset[str]]
"""Of each check all those that its subject stands on, directly or by way of others."""


def depends(checks: Iterable[Check]) -> dict[str, frozenset[str]]:
    """Return it for these checks. A check that is not among them still stands between others; a circle is no harm."""
    direct = {check.id: frozenset(check.depends_on) for check in checks}
    return {name: _below(name, direct) for name in direct}


def _below(name: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found, waiting = set[str](), [name]
    while waiting:
        fresh = direct.get(waiting.pop(), frozenset()) - found
        found |= fresh
        waiting += fresh
    return frozenset(found - {name})


def kin(name: str, known: Depends) -> frozenset[str]:
    """Return the checks that stand on the same as `name` in one line: those below it and those on top of it."""
    return known.get(name, frozenset()) | {other for other, below in known.items() if name in below}


def root(names: Collection[str], known: Depends) -> str:
    """Return which of these checks (at least one) the most of the others stand on; of equals the first."""
    return max(names, key=lambda name: sum(name in known.get(other, frozenset()) for other in names))


def affected(name: str, names: Collection[str], known: Depends) -> list[str]:
    """Return those of these checks that stand on `name`."""
    return [other for other in names if name in known.get(other, frozenset())]
