"""Regular expressions that are compiled when they are first used.

A check loads the patterns of every log format and needs those of one: compiled as they are loaded, they would take
longer than everything else that it does.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")


class _Waiting:
    """Stands for a pattern, and becomes as good as one at its first use."""

    def __init__(self, given: str | bytes, flags: int) -> None:
        self._given, self._flags = given, flags

    def __getattr__(self, name: str) -> Any:  # Python asks here only for what is not there yet
        if name.startswith("_"):
            raise AttributeError(name)
        compiled = re.compile(self._given, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def regex(given: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what can be used as `re.compile(given, flags)`; a mistake in it shows where it is first used."""
    return cast("re.Pattern[AnyStr]", _Waiting(given, flags))
