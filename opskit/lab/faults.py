"""The registry of faults: `faults.yaml` as values. Each says what is done, what is seen, and the cause."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from opskit.definitions.convert import Converter
from opskit.definitions.reader import compose
from opskit.model.text import Text

_FILE = Path(__file__).with_name("faults.yaml")
Outcome = Literal["fine", "slow", "wait", "error", "refused", "cut", "empty", "burst", "beside", "foreign"]
Asks = Literal["chat", "api", "long"]
Layer = Literal["none", "nginx", "gateway", "clawdbot", "ollama", "gpu", "system"]


class Fault(msgspec.Struct, frozen=True, rename={"changes": "set"}):
    """One entry; what the keys mean stands at the top of faults.yaml. `patience` in seconds."""

    layer: Layer
    does: Text
    seen: Text
    users: tuple[Outcome, ...]
    control: bool = False
    cause: str | None = None
    catalogue: tuple[int, ...] = ()
    changes: dict[str, Any] = {}
    acts: tuple[str, ...] = ()
    asks: Asks = "chat"
    patience: float = 6.0


class _File(msgspec.Struct, frozen=True):
    faults: dict[str, Fault]


# Of every layer some that leave traces of their own, so that each can be seen beside any other.
_PAIRED = (
    "certificate-expired",
    "nginx-limits-requests",
    "clawdbot-killed",
    "clawdbot-wrong-port",
    "gateway-killed",
    "gateway-key-rotated",
    "ollama-killed",
    "ollama-model-missing",
    "ollama-out-of-gpu-memory",
    "gpu-throttled",
)


def pairs() -> list[str]:
    """Return every two of ten faults, as `a+b`."""
    return [f"{one}+{other}" for one, other in itertools.combinations(_PAIRED, 2)]


@cache
def faults() -> dict[str, Fault]:
    """Return all faults and controls by id, in the order of the file."""
    document = compose(_FILE.read_bytes(), str(_FILE))
    converter = Converter(document)
    return converter.finish(converter.struct(document.root, _File, "")).faults
