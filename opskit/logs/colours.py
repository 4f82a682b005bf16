r"""Colour codes that programs write into their logs, as they stand there and as others have escaped them.

The code itself is ESC, `[`, numbers and `m` (ECMA-48, SGR) or `K`, which grep adds. JSON writes its ESC as `\u001b`,
Nginx as `\x1B`, rsyslog as `#033`, and terminals and editors show `^[`.
"""

from __future__ import annotations

from opskit.model.regex import regex

# Only these two final letters: a code may end in any letter, and what looks like one could take the first letter of a
# key with it (`ESC[sk-...` ends in `s`). Backslashes go together: half of an escaped one would break a JSON string;
# and a run of them is tried once only.
_CODE = regex(r"(?:\x1b|(?<!\\)\\++(?:u001[bB]|x1[bB]|033|e)|#033|\^\[)\[[0-9;:]{0,40}[mK]")
_ESCAPED = ("\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033[", "\\e[")
_BYTES = regex(rb"\x1b\[[0-9;:]{0,40}[mK]")


def may_hold(text: str) -> bool:
    """Tell at a glance whether there may be a colour code. Single characters go first: to find none takes no time."""
    return (
        "\x1b" in text
        or ("\\" in text and any(code in text for code in _ESCAPED))
        or ("#" in text and "#033[" in text)
        or ("^" in text and "^[[" in text)
    )


def without(text: str) -> str:
    """Return the text without colour codes, escaped or not."""
    return _CODE.sub("", text)


def bare(line: bytes) -> bytes:
    """Return a line without colour codes that stand in it as they are."""
    return _BYTES.sub(b"", line) if b"\x1b" in line else line
