"""The small notations inside definitions: durations, `k of n`, ranges, names. ValueError says what was expected."""

from __future__ import annotations

import keyword

from opskit.judge.range import Range
from opskit.model.check import Sustain
from opskit.model.message import say
from opskit.model.regex import regex

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = regex(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|w)")
_LONGEST_S = 366 * 86400.0  # a timer that goes off in years is a slip of the pen
_SUSTAIN = regex(r"([0-9]{1,3}) of ([0-9]{1,3})")
_COUNT = regex(r"[0-9]{1,9}")
_ID = regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_INCLUDED = regex(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,62}/){1,9}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,62}\.ya?ml")
_NAME = regex(r"[a-z][a-z0-9_]{0,62}")


def duration(text: str) -> float:
    """`30s`, `15m`, `1h`, `7d` in seconds."""
    match = _DURATION.fullmatch(text)
    if match is None or not float(match.group(1)):
        raise ValueError(say("expected a duration with its unit, such as 30s, 15m, 1h or 7d"))
    seconds = float(match.group(1)) * _UNITS[match.group(2)]
    if seconds > _LONGEST_S:
        raise ValueError(say("expected a duration of at most a year"))
    return seconds


def sustain(text: str) -> Sustain:
    """`4 of 6`."""
    match = _SUSTAIN.fullmatch(text)
    if match is None:
        raise ValueError(say("expected `k of n`, such as 4 of 6"))
    k, n = int(match.group(1)), int(match.group(2))
    if not 1 <= k <= n:
        raise ValueError(say("expected `k of n` with 1 <= k <= n"))
    return Sustain(k, n)


def count(text: str) -> int:
    """A whole number of 1 or more."""
    if not _COUNT.fullmatch(text) or not int(text):
        raise ValueError(say("expected a whole number, 1 or more"))
    return int(text)


def range_text(text: str) -> str:
    """A Nagios range, kept as text once it is known to be valid. `%` is accepted: the unit is not known yet."""
    return Range.parse(text, "%").text


def file_id(text: str) -> str:
    """The id of a check or playbook. It stands in perfdata labels, mails and commands, where others collide."""
    if not _ID.fullmatch(text):
        raise ValueError(say("expected a file name of letters, digits, '-' and '_', at most 63, before .yaml"))
    return text


def included(text: str) -> str:
    """The way from a playbook down to a file of causes. What lies beside a playbook is a playbook itself."""
    if not _INCLUDED.fullmatch(text):
        raise ValueError(say("expected a file in a folder below this one, such as causes/site.yaml"))
    return text


def fact_name(text: str) -> str:
    """A fact as conditions say it: the probe's name in the playbook, and the fact's."""
    if not all(_NAME.fullmatch(part) for part in text.split(".")) or text.count(".") != 1:
        raise ValueError(say("expected PROBE.FACT"))
    return text


def name(text: str) -> str:
    """A name that conditions can refer to: of a parameter, a probe or a step."""
    if not _NAME.fullmatch(text) or keyword.iskeyword(text):
        raise ValueError(say("expected a name of small letters, digits and '_' that is no word of the conditions"))
    return text
