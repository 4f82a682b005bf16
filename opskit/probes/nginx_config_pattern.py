"""Regular expressions of a configuration, applied to a path: those of PCRE that Python understands alike.

What is no such expression, or could take long, is not applied: it cannot be told then.
"""

from __future__ import annotations

import re

from opskit.model.message import say
from opskit.model.regex import regex
from opskit.probes.nginx_config_level import DoubtError

_LONGEST = 400
_MOST_ENDLESS = 6
_NAMED = regex(r"\(\?<(?=[A-Za-z_])")
_ENDLESS = regex(r"(?<!\\)[*+]|(?<!\\)\{\d*,")
_REPEATED_GROUP = regex(r"(?<!\\)\)(?:[*+]|\{)")
_OTHERWISE = regex(r"\\[zGKRXQEhHvVN]|\[\[:|\(\?[|RC&0-9+-]|\\g")
"""What PCRE understands and Python does not, or not alike."""


def match(pattern: str, path: str, *, any_case: bool) -> re.Match[str] | None:
    """Search a path for the pattern. Raises DoubtError where the pattern cannot be applied."""
    doubt = DoubtError(say("the expression {pattern} cannot be applied here", pattern=pattern[:_LONGEST]))
    if len(pattern) > _LONGEST or _OTHERWISE.search(pattern) or _may_last(pattern):
        raise doubt
    try:
        flags = re.ASCII | (re.IGNORECASE if any_case else 0)
        return re.compile(_NAMED.sub("(?P<", pattern), flags).search(path)
    except (re.error, OverflowError, RecursionError):
        raise doubt from None


def _may_last(pattern: str) -> bool:
    """Whether it can take long for some path: a group that is repeated, with something endless in it, or many such."""
    endless = len(_ENDLESS.findall(pattern))
    return endless > _MOST_ENDLESS or (endless > 1 and _REPEATED_GROUP.search(pattern) is not None)
