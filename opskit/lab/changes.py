"""What faults change in the plan of a lab, by section and key, and how changes come together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Change = dict[str, Any]
# Two faults may both want one of these, and both shall be there: deliberate bugs, and directives of Nginx.
_ADD_UP = frozenset({"defects", "http", "server", "location"})


def merged(plain: Change, changes: Change) -> Change:
    """Return a configuration with changes in it: mappings key by key, everything else is replaced."""
    result = dict(plain)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def added(before: Mapping[str, Change], more: Mapping[str, Change]) -> dict[str, Change]:
    """Return the changes of earlier faults and those of further ones, by section; those made later are on top."""
    result = {section: dict(change) for section, change in before.items()}
    for section, change in more.items():
        earlier = result.get(section, {})
        summed = {key: _sum(earlier[key], change[key]) for key in _ADD_UP & earlier.keys() & change.keys()}
        result[section] = {**merged(earlier, change), **summed}
    return result


def _sum(one: Any, other: Any) -> Any:  # two strings of directives, or two lists of names
    if isinstance(one, str):
        return one if other in one.splitlines() else f"{one}\n{other}"
    return [*one, *(name for name in other if name not in one)]
