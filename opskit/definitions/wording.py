"""How the mistakes of a file are worded, wherever they are found."""

from __future__ import annotations

from collections.abc import Iterable

from opskit.model.message import Message, say

_LONGEST_QUOTE = 60
_KINDS = {str: say("text"), int: say("a whole number"), float: say("a number"), bool: say("true or false")}


def kind_of(kind: type, *, unquoted: bool = False) -> Message:
    """What was expected. A number or `true` is `unquoted` where text is wanted: quotes would make it text."""
    if kind is str and unquoted:
        return say("text (put it in quotes)")
    return _KINDS.get(kind) or say("{kind}", kind=kind.__name__)


def reason(error: ValueError) -> Message | str:
    """What a notation says of a text that is not written in it."""
    return error.args[0] if isinstance(error.args[0], Message) else str(error)


def quoted(text: str) -> str:
    """What was got, cut where it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")


def unknown_key(key: str, where: str, known: Iterable[str]) -> Message:
    """A key that is none of those known, with the one that was probably meant."""
    keys = sorted(known)
    import difflib  # few files have a mistake

    near = difflib.get_close_matches(key, keys, 1)
    if near:
        return say("{where}: unknown key '{key}', did you mean '{near}'?", where=where or "file", key=key, near=near[0])
    listed = ", ".join(keys)
    return say("{where}: unknown key '{key}', expected one of {keys}", where=where or "file", key=key, keys=listed)
