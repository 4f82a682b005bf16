"""Records the incidents in sample_logs: breaks the practice stack, lets users suffer, snapshots, writes the truth.

    python -m tests.stand_ins.record sample_logs [NAME...]

Real processes make all the evidence: Nginx writes its own logs, the snapshot is opskit's own. Afterwards ports and
paths are those of the reference deployment, so that the incidents read like a host that operators know. The truth is
written beside the evidence, where triage never looks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.stand_ins.scenes import SCENES, Scene
from tests.stand_ins.stack import Stack

ZONE = "Asia/Shanghai"
REFERENCE = {"https_port": 443, "http_port": 80, "clawdbot_port": 8080, "gateway_port": 18789, "ollama_port": 11434}


@dataclass(frozen=True)
class Recorded:
    """Where a bundle was written."""

    name: str
    path: Path


def record(name: str, scene: Scene, folder: Path) -> Recorded:
    """Play a scene on a fresh stack and write its bundle to `folder/name`, replacing what is there."""
    target = folder / name
    with tempfile.TemporaryDirectory(prefix="opskit-record-") as scratch:
        draft = Path(scratch) / "bundle"
        with Stack(Path(scratch) / "stack", **scene.options) as stack:
            scene.play(stack)
            config = stack.write_config(Path(scratch) / "opskit.yaml")
            command = [sys.executable, "-m", "opskit", "--config", str(config), "snapshot", "-o", str(draft)]
            subprocess.run(command, env=stack.env(), check=True, capture_output=True, timeout=90)
            _make_familiar(draft, stack)
        (draft / "truth.yaml").write_text(_truth(scene), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(draft, target)
    target.chmod(0o755)
    for file in target.iterdir():
        file.chmod(0o644)
    return Recorded(name, target)


def _truth(scene: Scene) -> str:
    cause = scene.cause or "null"
    return f"cause: {cause}\nwhat_was_done: {json.dumps(scene.says, ensure_ascii=False)}\n"


def _make_familiar(draft: Path, stack: Stack) -> None:
    """Replace the ports and paths of this run by those of the reference deployment, everywhere in the bundle."""
    names = {
        str(stack.nginx.access_log): "/var/log/nginx/access.log",
        str(stack.nginx.error_log): "/var/log/nginx/error.log",
        str(stack.nginx.conf): "/etc/nginx/nginx.conf",
        str(stack.gateway_log): "/var/log/qwen-gateway.log",
        str(stack.ollama_log): "/var/log/ollama.log",
        str(stack.kernel_log): "/var/log/kern.log",
        str(stack.key_file): "/etc/opskit/gateway.key",
        str(stack.nginx.certificates.fullchain): "/etc/letsencrypt/live/chat.example.test/fullchain.pem",
    }
    ports = {str(getattr(stack, name)): str(port) for name, port in REFERENCE.items()}
    own = {os.uname().nodename: "chat1", os.uname().release: "linux"}
    for file in draft.iterdir():
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        for found, familiar in {**names, str(stack.directory): "/srv/chat"}.items():
            text = text.replace(found, familiar)
        for found, familiar in {**ports, **own}.items():
            # Whole words only: the same few characters also stand inside certificates and request ids.
            text = re.sub(rf"(?<![0-9A-Za-z+/=_-]){re.escape(found)}(?![0-9A-Za-z+=_-])", familiar, text)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")


def main(arguments: Iterable[str]) -> None:
    """Record all scenes, or those named, two at a time."""
    folder, *names = arguments
    os.environ["TZ"] = ZONE
    time.tzset()
    unknown = set(names) - set(SCENES)
    if unknown:
        raise SystemExit(f"no such scene: {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    work: Callable[[str], Recorded] = lambda name: record(name, SCENES[name], Path(folder))  # noqa: E731
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(work, names or SCENES):
            print(f"recorded {done.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
