"""One call to NVML as gpu_reader makes it: announced before, and its error kept as a value.

Part of the program that gpu_reader is, so it imports nothing else of opskit, and nothing that takes long to load: it
is started every minute.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from typing import Any

import pynvml

_UNINITIALIZED, _MISSING, _NOT_READY, _ODD = 1, 13, 27, -1
_LONGEST = 256
_absent: set[str] = set()
"""Functions that the driver does not have: asked once, not again for the next card."""


def call(stage: str, function: Any, *arguments: Any, again: bool = True) -> tuple[Any, dict[str, Any] | None]:
    """Return the value, or the error as `{"code", "text"}`; `stage` is what is printed before."""
    name = getattr(function, "__name__", stage.partition(" ")[0]) + ("" if len(arguments) < 2 else f" {arguments[1:]}")
    if function is None or name in _absent:
        return None, {"code": _MISSING, "text": "Function Not Found"}
    announce({"stage": stage})
    try:
        return function(*arguments), None
    except pynvml.NVMLError as error:
        if error.value == _MISSING:
            _absent.add(name)
        if again and error.value in {_UNINITIALIZED, _NOT_READY}:
            return _retry(stage, function, arguments, int(error.value))
        return None, as_wrong(error)
    except pynvml.NVMLLibraryMismatchError as error:  # not a subclass of NVMLError
        return None, {"code": _MISSING, "text": str(error)}
    except (ValueError, TypeError, LookupError, AttributeError, ctypes.ArgumentError) as error:
        # What the binding cannot digest, such as a name that is no UTF-8: of this call alone.
        return None, {"code": _ODD, "text": text(f"{type(error).__name__}: {error}")}


def _retry(stage: str, function: Any, arguments: tuple[Any, ...], code: int) -> tuple[Any, dict[str, Any] | None]:
    """Once: a library that was shut down is opened again, a card that is not ready gets a moment."""
    if code == _UNINITIALIZED:
        call("nvmlInit", pynvml.nvmlInit, again=False)
    else:
        time.sleep(0.2)
    return call(stage, function, *arguments, again=False)


def as_wrong(error: Any) -> dict[str, Any]:
    """Return an NVML error as `{"code", "text"}`."""
    return {"code": int(error.value), "text": text(str(error))}


def text(value: Any, length: int = _LONGEST) -> str:
    """As UTF-8 whatever it was, and not endlessly long: names of processes are whatever somebody chose."""
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return shown.encode("utf-8", "replace").decode("utf-8")[:length].strip()


def announce(value: dict[str, Any]) -> None:
    """Print a line at once: it may be the last one."""
    sys.stdout.buffer.write(json.dumps(value).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()
