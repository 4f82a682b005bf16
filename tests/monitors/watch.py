"""What the monitoring servers of these tests are told: opskit's checks of plugins that say something in every state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "checks").glob("*.yaml"))
SAID = {
    "calm": (0, "ROOM OK - all is well | 'page file'=36%;80;90;0;100 load=0.42;5;10;0\nfirst detail\nsecond detail\n"),
    "tight": (0, "ROOM OK - the plugin itself is content | free=7GB\n"),
    "down": (2, 'ROOM CRITICAL - C:\\new is gone; call "ops" | up=0;;1:\n温度 a|b\nliteral \\n stays; 100%\n'),
    "blind": (3, "ROOM UNKNOWN - nobody may look\n"),
}
"""Per check: the plugin's exit code and output."""
RULES = {"tight": [{"metric": "free", "warn": "20:", "crit": "5:"}]}
STATES = {"calm": 0, "tight": 1, "down": 2, "blind": 3}
FIRST = {
    "calm": "CALM OK - Watch calm",
    "tight": "TIGHT WARNING - free 7GB is outside 20:",
    "down": 'DOWN CRITICAL - C:\\new is gone; call "ops"',
    "blind": "BLIND UNKNOWN - nobody may look",
}
MORE = {
    "calm": "OK: all is well\nfirst detail\nsecond detail",
    "tight": "WARNING: free 7GB is outside 20:\nOK: the plugin itself is content",
    "down": 'CRITICAL: C:\\new is gone; call "ops"\n温度 a!b\nliteral \\n stays; 100%',
    "blind": "UNKNOWN: nobody may look",
}
PERFDATA = {
    "calm": ["page_file=36%;80;90;0;100", "load=0.42;5;10;0"],
    "tight": ["free=7GB;20:;5:"],
    "down": ["up=0;;1:"],
    "blind": [],
}


def definitions(folder: Path, every: str = "1m") -> Path:
    """Write the checks, and masks for those that opskit ships."""
    folder.mkdir()
    plugin = folder / "speak.sh"
    plugin.write_text('cat "$1"\nexit "$2"\n')
    for name, (code, output) in SAID.items():
        (folder / f"{name}.txt").write_text(output)
        words = {"en": f"Watch {name}", "zh": f"看着 {name}"}
        check = {
            "summary": words,
            "why": words,
            "probe": "plugin",
            "with": {"command": ["/bin/sh", str(plugin), str(folder / f"{name}.txt"), str(code)]},
            "every": every,
            "timeout": "10s",
        }
        rules = {"rules": RULES[name]} if name in RULES else {}
        (folder / f"{name}.yaml").write_text(json.dumps({**check, **rules}))
    for name in SHIPPED:
        (folder / f"{name}.yaml").write_text("enabled: false\n")
    return folder


def opskit(folder: Path) -> list[str]:
    """The beginning of a command line with configuration and definitions of a folder."""
    files = ["--config", str(folder / "opskit.yaml"), "--definitions", str(folder / "definitions")]
    return [sys.executable, "-m", "opskit", "--lang", "en", *files]


def configure(folder: Path, submit: dict[str, object]) -> None:
    settings = {"history": {"path": str(folder / "history.db")}, "submit": submit}
    (folder / "opskit.yaml").write_text(json.dumps(settings))


def check(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `opskit check`."""
    command = [*opskit(folder), "check", "--no-record", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment())


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "LC_ALL": "C.UTF-8"}


def waited_for(look: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Look until there is something, and return it."""
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, "nothing to be seen in time"
        time.sleep(0.02)
    return found
