"""What a request wants to be true of the runner that serves it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.settings import Model, Settings

# api.Runner in api/types.go: a request that differs from the loaded runner in one of them makes it load again.
_RUNNER: dict[str, type | tuple[type, ...]] = {
    "num_ctx": int,
    "num_batch": int,
    "num_gpu": int,
    "main_gpu": int,
    "use_mmap": bool,
    "num_thread": int,
}
_KINDS = {int: "integer", bool: "boolean"}
_LEAST_CONTEXT = 4


class Wish(msgspec.Struct, frozen=True):
    """The model, the options that a runner is started with, and how long it shall stay (None: as it is)."""

    model: Model
    context: int
    num_gpu: int
    runner_options: tuple[tuple[str, object], ...]
    keep_alive: float | None


def wish(model: Model, options: Mapping[str, object], keep_alive: float | None, settings: Settings) -> Wish:
    """Fill the defaults in. Raises RefusedError for an option of the wrong type."""
    values: dict[str, object] = {"num_ctx": settings.context_length, "num_batch": 512, "num_gpu": -1}
    values |= {"main_gpu": 0, "use_mmap": None, "num_thread": 0}
    for name, kind in _RUNNER.items():
        given = options.get(name)
        if given is None:
            continue
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
            raise RefusedError(500, f'option "{name}" must be of type {_KINDS[int if kind is int else bool]}')
        values[name] = given
    context = max(_LEAST_CONTEXT, int(str(values["num_ctx"])))
    num_gpu = max(-1, int(str(values["num_gpu"])))
    values |= {"num_ctx": context, "num_gpu": num_gpu}
    return Wish(model, context, num_gpu, tuple(values.items()), keep_alive)
