"""Text from outside in Markdown: it must not become markup, nor a link, nor begin a list, nor leave its fence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opskit.model.printable import printable
from opskit.model.regex import regex

_SPECIAL = regex(r"([\\`*_\[\]<>#|!~&$])")
_STARTS = regex(r"^(\s*)([-+=]|[0-9]+(?=[.)]))")


def fenced(lines: Sequence[str]) -> list[str]:
    """Lines as they would be copied, in a fence that nothing inside can close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence]


def safe(text: str) -> str:
    """Return one line of text that stays text."""
    escaped = _SPECIAL.sub(r"\\\1", text).replace("://", ":\\/\\/")
    return _STARTS.sub(
        lambda start: f"{start[1]}\\{start[2]}" if start[2] in "-+=" else f"{start[1]}{start[2]}\\", escaped
    )


def code(text: str) -> str:
    """Return text as inline code, nothing where it is blank."""
    clean = printable(text).replace("`", "'")
    return f"`{clean}`" if clean.strip() else ""
