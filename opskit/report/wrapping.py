"""Lines broken to the width of a screen. Counts columns, not characters: a Chinese one takes two.

Latin words are broken apart at blanks only; Chinese has none, so there a line may end after any character but before
no closing punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator

from wcwidth import wcswidth

from opskit.model.regex import regex

_CLOSING = "，。、；：？！）》」』】…％"
_WIDE = "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
_PIECE = regex(rf"[^\s{_WIDE}]+[{_CLOSING}]*|[{_WIDE}][{_CLOSING}]*|\s+")


def columns(text: str) -> int:
    """Return the width of `text` on a terminal."""
    width: int = wcswidth(text)
    return width if width >= 0 else len(text)  # what cannot be shown has no width


def wrapped(line: str, width: int) -> Iterator[str]:
    """Yield `line` in pieces of at most `width` columns; of an indented line further ones stand four deeper.

    A width of 0 means not at all.

    A single word that is wider than that stays whole: it may be a path that somebody is to copy.
    """
    if not width or columns(line) <= width:
        yield line
        return
    indent = len(line) - len(line.lstrip(" "))
    hang = " " * min(indent + 4, width // 3) if indent else ""
    row = line[:indent]
    begun = False
    for piece in _PIECE.findall(line[indent:]):
        if begun and columns((row + piece).rstrip()) > width:
            yield row.rstrip()
            row, begun = hang, False
        if begun or not piece.isspace():
            row, begun = row + piece, True
    if begun:
        yield row.rstrip()
