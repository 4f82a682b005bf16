"""Which `location` serves a path (ngx_http_core_find_location).

An exact one ends the search. Else the longest prefix is remembered and the search goes on inside of it; then the
regular expressions beside it are tried in their order, unless it begins with `^~` or one inside of it has matched.
"""

from __future__ import annotations

from typing import NamedTuple

from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_level import Level, blocks
from opskit.probes.nginx_config_pattern import match

_KINDS = ("=", "^~", "~*", "~")


class Name(NamedTuple):
    """What stands behind `location`; `kind` is empty for a plain prefix, `@` for a named one."""

    kind: str
    text: str


def name_of(location: Directive) -> Name:
    """Take the arguments apart; the sign may stand apart from what it belongs to, or not."""
    first, *rest = (*location.args, "")
    if first in _KINDS:
        return Name(first, rest[0])
    for kind in (*_KINDS, "@"):
        if first.startswith(kind):
            return Name(kind, first.removeprefix(kind) if kind != "@" else first)
    return Name("", first)


def is_pattern(location: Directive) -> bool:
    """Whether a regular expression decides what it serves."""
    return name_of(location).kind in {"~", "~*"}


def located(server: Level, path: str) -> Level:
    """Return the level that serves the path; the server itself where no location does.

    Raises DoubtError where a part of the configuration was not read, or an expression cannot be applied.
    """
    found, _ = _search(server, path)
    return found or server


def _search(level: Level, path: str) -> tuple[Level | None, bool]:
    """Return the level, and whether an exact name or an expression has settled it."""
    level.complete()
    named = [(name_of(each), each) for each in blocks(level.own, "location")]
    exact = next((each for name, each in named if name == Name("=", path)), None)
    if exact is not None:
        return level.below(exact), True
    prefixes = [(name, each) for name, each in named if name.kind in {"", "^~"} and path.startswith(name.text)]
    best: Level | None = None
    plain = True
    if prefixes:
        name, block = max(prefixes, key=lambda pair: len(pair[0].text))
        best, plain = level.below(block), name.kind != "^~"
        inside, settled = _search(best, path)
        if settled:
            return inside, True
        best = inside or best
    if plain:
        for name, each in named:
            if name.kind in {"~", "~*"} and match(name.text, path, any_case=name.kind == "~*"):
                matched = level.below(each)
                return _search(matched, path)[0] or matched, True
    return best, False
