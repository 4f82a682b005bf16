"""Untrusted text made safe to print. Log lines, headers and remote bodies pass here before a person sees them."""

from __future__ import annotations

import re

# C0 and C1 controls (they drive terminals), DEL, line separators, and the bidirectional overrides that let
# a line read differently from what it is (CVE-2021-42574); lone surrogates stand for undecodable bytes.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_MARK = "..."


def printable(text: str, limit: int = 400) -> str:
    r"""Return `text` on one line with every control character written as `\xNN` or `\uNNNN`, at most `limit` long."""
    if len(text) > limit:
        text = text[: limit - len(_MARK)] + _MARK
    return _UNSAFE.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: show the byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
