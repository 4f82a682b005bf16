"""The checks in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opskit.definitions.loaded import Loaded, load_all
from opskit.model.check import Check

if TYPE_CHECKING:
    from opskit.definitions.draft import Draft


def load(extra: Path | None = None, ids: Sequence[str] = ()) -> Loaded[Check]:
    """Return the effective checks by id, and beside them what is wrong with the files that are not usable.

    With `ids` only those are read, unless one of them does not exist: then all, to tell which do.
    """
    return load_all("checks", extra, _outline, ids, Check)


def _outline(data: bytes, source: str, check_id: str) -> Draft[Check]:
    from opskit.definitions.check_file import outline  # YAML is not read where what it came to was kept

    return outline(data, source, check_id)
