"""Records a fault as a bundle of `sample_logs`: what opskit saw while users suffered, and beside it the truth.

Afterwards ports and paths are those of the reference deployment, so that incidents read like a host that operators
know. The truth stands in a file of its own, which triage never reads.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from opskit.lab.drill import break_in, heal, opskit, suffer, users_ask
from opskit.lab.faults import Fault, faults
from opskit.lab.nginx import site
from opskit.lab.plan import Plan
from opskit.lab.record import LabError
from opskit.lab.stack import Stack
from opskit.lab.users import Crowd
from opskit.model.message import say

_USERS = 8
_SNAPSHOT_S = 90.0
_PORTS = {"https": 443, "http": 80, "clawdbot": 8080, "gateway": 18789, "ollama": 11434}


def record(stack: Stack, name: str, into: Path) -> Path:
    """Play fault `name` and write its bundle to `into/name`, replacing what is there; return the path.

    Raises LabError.
    """
    fault = faults().get(name)
    if fault is None:
        raise LabError(say("there is no fault '{name}': opskit lab faults lists them", name=name))
    with tempfile.TemporaryDirectory(prefix="opskit-record-") as scratch:
        draft = Path(scratch) / "bundle"
        stack.clear_logs()
        users_ask(stack)
        try:
            break_in(stack, [name])
            with Crowd(stack.plan, _USERS, fault.asks, fault.patience) as crowd:
                suffer(crowd, fault.patience)
                done = opskit(stack, "snapshot", "-o", str(draft), timeout=_SNAPSHOT_S)
        finally:
            heal(stack)
        if done.returncode:
            raise LabError(say("the snapshot failed: {said}", said=(done.stdout + done.stderr)[-300:]))
        _make_familiar(draft, stack.plan)
        (draft / "truth.yaml").write_text(_truth(fault), "utf-8")
        target = into / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(draft, target)
    target.chmod(0o755)
    for file in target.iterdir():
        file.chmod(0o644)
    return target


def _truth(fault: Fault) -> str:
    return f"cause: {fault.cause or 'null'}\nwhat_was_done: {json.dumps(fault.does.en, ensure_ascii=False)}\n"


def _make_familiar(draft: Path, plan: Plan) -> None:
    """Replace the ports and paths of this lab by those of the reference deployment, everywhere in the bundle."""
    live = plan.root / "letsencrypt" / "live" / site.SERVER_NAME
    paths = {
        str(plan.logs["nginx"]): "/var/log/nginx/access.log",
        str(plan.logs["nginx-error"]): "/var/log/nginx/error.log",
        str(plan.root / "nginx" / "nginx.conf"): "/etc/nginx/nginx.conf",
        str(plan.logs["gateway"]): "/var/log/qwen-gateway.log",
        str(plan.logs["ollama"]): "/var/log/ollama.log",
        str(plan.logs["kernel"]): "/var/log/kern.log",
        str(plan.key_file): "/etc/opskit/gateway.key",
        str(live): f"/etc/letsencrypt/live/{site.SERVER_NAME}",
        str(plan.library): "/usr/lib/x86_64-linux-gnu",
        str(plan.root): "/srv/chat",
    }
    ports = {str(getattr(plan.ports, part)): str(port) for part, port in _PORTS.items()}
    words = {**ports, os.uname().nodename: "chat1", os.uname().release: "linux"}
    for file in draft.iterdir():
        text = file.read_text("utf-8", "surrogateescape")
        for own, familiar in paths.items():
            text = text.replace(own, familiar)
        for own, familiar in words.items():
            # Whole words only: the same few characters also stand inside certificates and request ids.
            text = re.sub(rf"(?<![0-9A-Za-z+/=_-]){re.escape(own)}(?![0-9A-Za-z+=_-])", familiar, text)
        file.write_text(text, "utf-8", "surrogateescape")
