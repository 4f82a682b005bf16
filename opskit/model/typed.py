"""Types made ready for decoding, one at a time: what several threads decode at once must have been seen before.

msgspec takes a struct apart when it first meets it, and two threads that do so at the same moment crash the process
(seen with 0.22, in one run of six where two probes read the same evidence).
"""

from __future__ import annotations

import threading
from typing import TypeVar

import msgspec

T = TypeVar("T")
_ONE_AT_A_TIME = threading.Lock()
_READY = set[object]()


def prepared(kind: type[T]) -> type[T]:
    """Return the type, ready for `msgspec.json.decode` and `msgspec.convert` in any thread."""
    with _ONE_AT_A_TIME:
        if kind not in _READY:
            msgspec.json.Decoder(kind)
            _READY.add(kind)
    return kind
