"""Cards that serve a model, as the stand-in library shows them to the processes that are started from now on."""

from __future__ import annotations

from pathlib import Path

from opskit.lab.gpu import state

# A 32B model is loaded and works: full but below 90 %, warm, not throttled.
_AT_WORK: dict[str, state.Value] = {
    "temp": 61,
    "util_gpu": 34,
    "util_mem": 28,
    "power": 92_400,
    "mem_used": 21_130_000_000,
    "reasons": "0x0",
    "procs": "2417:21000000000",
}


class Cards:
    """The state file; every change replaces it in one step."""

    def __init__(self, path: Path) -> None:
        """One healthy card."""
        self.path = path
        self._lines: dict[str, state.Value] = {}
        self.healthy()

    def healthy(self, gpus: int = 1) -> Cards:
        """Forget everything and describe cards that have nothing wrong with them."""
        work = {f"gpu{index}.{key}": value for index in range(gpus) for key, value in _AT_WORK.items()}
        self._lines = {**state.healthy(gpus), **work}
        return self._write()

    def set(self, **values: state.Value) -> Cards:
        """Add or change keys; dotted ones as `**{"gpu0.temp": 91}`, a failure as `"!15"`."""
        self._lines.update(values)
        return self._write()

    def unset(self, *keys: str) -> Cards:
        """Take keys away: their calls become "not supported"."""
        for key in keys:
            self._lines.pop(key, None)
        return self._write()

    def _write(self) -> Cards:
        state.write(self.path, self._lines)
        return self
