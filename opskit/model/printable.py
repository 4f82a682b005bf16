"""Untrusted text made safe to print. Log lines, headers and remote bodies pass here before a person sees them."""

from __future__ import annotations

import re

from opskit.model.regex import regex

# C0 and C1 controls (they drive terminals), DEL, line separators, lone surrogates (they stand for undecodable bytes),
# the two noncharacters that YAML forbids, and everything that shows as nothing and makes a line read differently from
# what it is: the bidirectional controls (CVE-2021-42574), zero-width characters, soft hyphens and the invisible tag
# letters. The tests hold the list against the categories of the Unicode database.
_UNSAFE = regex(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_MARK = "..."


def printable(text: str, limit: int = 400) -> str:
    r"""Return `text` on one line, unsafe characters as `\xNN`, `\uNNNN` or `\UNNNNNNNN`, cut to `limit` before that."""
    if len(text) > limit:
        text = text[: limit - len(_MARK)] + _MARK
    return _UNSAFE.sub(_spell, text)


def first_unsafe(text: str, allowed: str = "\t\n\r") -> int | None:
    """Return where the first character stands that `printable` would replace and that is not allowed, or None."""
    return next((found.start() for found in _UNSAFE.finditer(text) if found.group() not in allowed), None)


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: show the byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
