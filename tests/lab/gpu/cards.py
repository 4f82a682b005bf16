"""The stand-in library's state in a folder of its own, and pynvml asked about it from a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from opskit.lab.gpu import state

# Runs the expressions of argv and prints, for each, its value or the code of the error it ended in.
_READER = """
import json, sys, threading, time, pynvml as n
def ask(text):
    try:
        return eval(text, globals())
    except n.NVMLError as error:
        return f"!{error.value}"
    except n.NVMLLibraryMismatchError:
        return "!mismatch"
h = n.nvmlDeviceGetHandleByIndex
print(json.dumps([ask(text) for text in sys.argv[1:]]))
"""
INIT = "n.nvmlInit()"


class Cards:
    """State files that a test changes under a running reader."""

    def __init__(self, folder: Path, library: Path | None, gpus: int = 2) -> None:
        """Healthy cards, read through the library in that folder; without one there is no library at all."""
        self.files = [folder / name for name in ("card", "load", "fault")]
        self.library = library
        self._faults: dict[str, state.Value] = {}
        state.write(self.files[0], state.healthy(gpus))

    def set(self, **values: state.Value) -> Cards:
        """Add faults or change them; dotted keys as `**{"gpu0.temp": 91}`, a failure as `"!15"`."""
        self._faults |= values
        state.write(self.files[2], self._faults)
        return self

    def load(self, **values: state.Value) -> Cards:
        """Have Ollama write these lines, and no others."""
        state.write(self.files[1], values)
        return self

    def without(self, name: str) -> Cards:
        """Take a key away from every card, as on a card that does not have that sensor."""
        lines = {key: value for key, value in state.healthy(2).items() if not key.endswith(f".{name}")}
        state.write(self.files[0], lines)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """For a new process that shall see these cards."""
        variables = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
        variables["OPSKIT_NVML_STATE"] = ":".join(map(str, self.files))
        return variables | ({"LD_LIBRARY_PATH": str(self.library)} if self.library else {})

    def ask(self, *expressions: str, timeout: float = 20) -> list[object]:
        """Evaluate pynvml expressions after nvmlInit; a call that fails gives `!code`, and so does the init itself."""
        reader = [sys.executable, "-c", _READER, INIT, *expressions]
        done = subprocess.run(
            reader, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, done.stderr
        answers: list[object] = json.loads(done.stdout)
        return answers if answers[0] is not None else answers[1:]
