"""What came of YAML files, kept so that the same bytes are not read as YAML twice. Only files without a mistake are."""

from __future__ import annotations

from opskit.logs.kept import Kept

COMPILED = Kept("definitions", "judge", "model")
