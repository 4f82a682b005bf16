"""JSON lines that are not quite JSON: bytes that are no UTF-8, and what Nginx makes of a `log_format` without quotes.

With `"status":$status,"urt":$upstream_response_time` Nginx writes `"status":009,"urt":0.010, 0.020` or nothing at all
behind a colon; with escape=default it writes `\x22` inside strings.
"""

from __future__ import annotations

import json
import re

from opskit.model.regex import regex

_LONGEST = 1 << 16
_STRING_OR_BARE = regex(r'"(?:[^"\\]|\\.)*+"|:\s*([^\s"{}\[\]][^"{}\[\]]{0,500}?|)\s*(?=,\s*"|\})', re.DOTALL)
_SCALAR = regex(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_ESCAPE = regex(r"\\(?:x([0-9A-Fa-f]{2})|.)", re.DOTALL)


def salvaged(line: bytes) -> object:
    """Decode one line; None where it is beyond repair. Bytes that are not UTF-8 become lone surrogates."""
    text = line.decode("utf-8", "surrogateescape")
    found = _decoded(text)
    if found is None and len(text) <= _LONGEST and text.endswith("}"):
        found = _decoded(_STRING_OR_BARE.sub(_repaired, text))
    return found


def _decoded(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse, strict=False)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _repaired(found: re.Match[str]) -> str:
    bare = found[1]
    if bare is None:
        return _ESCAPE.sub(_byte, found[0]) if "\\x" in found[0] else found[0]
    return f":{bare if _SCALAR.fullmatch(bare) else json.dumps(bare, ensure_ascii=False)}"


def _byte(found: re.Match[str]) -> str:
    """Turn `\\xHH` into what JSON knows: the letter, or the lone surrogate that stands for a byte."""
    if found[1] is None:
        return found[0]
    byte = int(found[1], 16)
    return f"\\u{byte if byte < 0x80 else 0xDC00 + byte:04x}"
