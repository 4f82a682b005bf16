"""Raw evidence: the bytes a probe collected, before anybody interpreted them. Bundles store exactly this."""

from __future__ import annotations

import msgspec


class Raw(msgspec.Struct, frozen=True):
    """One file of a bundle.

    `name` is the file's name in a bundle; `origin` is what it was read from (path, URL, command); `first_line` is the
    number in `origin` of the first line in `data`; `complete` is False where a size limit cut older lines off.
    """

    name: str
    data: bytes
    origin: str
    first_line: int = 1
    complete: bool = True
