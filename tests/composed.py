"""Incidents that the lab cannot play, composed from recorded ones: `python -m tests.composed sample_logs`.

A full disk, memory pressure or a full connection table would be the machine's own. What the parts and the kernel write
then is known from their sources, so these bundles are recordings in which such lines and numbers stand.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Change = Callable[[Path, datetime], None]


def _json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    found = json.loads(path.read_text("utf-8"))
    change(found)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _append(path: Path, lines: list[str]) -> None:
    text = path.read_text("utf-8")
    path.write_text(text + ("" if not text or text.endswith("\n") else "\n") + "".join(f"{line}\n" for line in lines))


def _disk_full(folder: Path, at: datetime) -> None:
    """Nginx cannot keep an answer on the disk; texts of ngx_files.c."""

    def host(found: dict[str, Any]) -> None:
        for disk in found["disks"]:
            disk["free"], disk["used"] = 0, disk["total"]

    _json(folder / "host.json", host)
    stamp = (at - timedelta(seconds=20)).strftime("%Y/%m/%d %H:%M:%S")
    line = (
        f'{stamp} [crit] 812#812: *{{}} pwrite() "/var/lib/nginx/proxy/3/01/000000013{{}}" failed '
        "(28: No space left on device) while reading upstream, client: 10.0.4.7, server: chat.example.test, "
        'request: "POST /api/chat HTTP/1.1", upstream: "http://127.0.0.1:8080/api/chat", host: "chat.example.test"'
    )
    _append(folder / "nginx-error.log", [line.format(90 + number, number) for number in range(4)])


def _memory_short(folder: Path, at: datetime) -> None:
    """Programs wait for pages: /proc/pressure/memory of the kernel."""
    del at

    def host(found: dict[str, Any]) -> None:
        found["memory_available"] = found["memory_total"] // 60
        found["swap_total"], found["swap_used"] = 8 << 30, 8 << 30
        found["kernel"]["memory_stalled_pct"] = 63.4

    _json(folder / "host.json", host)


def _table_full(folder: Path, at: datetime) -> None:
    """net/netfilter/nf_conntrack_core.c."""

    def host(found: dict[str, Any]) -> None:
        found["kernel"]["tracked"] = found["kernel"]["tracked_limit"]

    _json(folder / "host.json", host)
    line = f"{(at - timedelta(seconds=30)).isoformat(timespec='seconds')} chat1 kernel: "
    _append(folder / "kernel.log", [line + "nf_conntrack: nf_conntrack: table full, dropping packet"] * 3)


def _models_evict(folder: Path, at: datetime) -> None:
    """Two models that do not fit beside each other; texts of server/sched.go and llm/llama_server.go."""
    lines = []
    for number in range(8):
        begin = at - timedelta(seconds=200 - 24 * number)
        blob = "/usr/share/ollama/.ollama/models/blobs/sha256-" + ("c8b7e24f" if number % 2 else "5e1f09aa") * 8
        start = f"/usr/local/lib/ollama/llama-server --model {blob} --port 4{number}001 --ctx-size 8192 --parallel 4"
        told = (
            (begin, f'source=llama_server.go:433 msg="starting llama-server" cmd="{start}"'),
            (begin + timedelta(seconds=9.4), 'source=llama_server.go:1362 msg="llama-server started in 9.38 seconds"'),
        )
        lines += [f"time={when.isoformat(timespec='milliseconds')} level=INFO {text}" for when, text in told]
    _append(folder / "ollama.log", lines)


def _unload_hangs(folder: Path, at: datetime) -> None:
    """/api/ps of a model whose time is over and that does not go (cmd/cmd.go shows "Stopping...")."""
    past = (at - timedelta(minutes=6)).isoformat()

    def api(found: dict[str, Any]) -> None:
        models = json.loads(found["ps"]["body"])
        for model in models["models"]:
            model["expires_at"] = past
        found["ps"]["body"] = json.dumps(models)

    _json(folder / "ollama-api.json", api)
    _json(folder / "runner.json", lambda found: found.update(looks=[], all_seen=True))


def _host_refused(folder: Path, at: datetime) -> None:
    """allowedHostsMiddleware of server/routes.go: 403 without a body, for a Host that is no local name."""
    stamp = (at - timedelta(seconds=15)).strftime("%Y/%m/%d - %H:%M:%S")
    line = f'[GIN] {stamp} | 403 |      21.814µs |       127.0.0.1 | POST     "/api/chat"'
    _append(folder / "ollama.log", [line] * 6)
    gateway = folder / "gateway.log"
    gateway.write_text(gateway.read_text("utf-8").replace("ollama: All connection attempts failed", "ollama: 403"))


COMPOSED: dict[str, tuple[str, str, str, Change]] = {
    "host-disk-full": ("control-healthy", "OPS603", "The disk of Nginx's temporary files is full", _disk_full),
    "host-memory-short": ("control-long-answers", "OPS602", "The host's memory is short", _memory_short),
    "host-table-full": ("control-healthy", "OPS604", "The kernel's connection table is full", _table_full),
    "ollama-models-evict": ("control-long-answers", "OPS411", "Two models drive each other out", _models_evict),
    "ollama-unload-hangs": ("ollama-runner-frozen-patient", "OPS419", "A model does not go away", _unload_hangs),
    "ollama-host-refused": ("gateway-wrong-ollama", "OPS422", "Ollama refuses the Host of the gateway", _host_refused),
}
"""By name: the recording, the cause, what was done to it, and how."""


def compose(name: str, folder: Path) -> Path:
    """Write a composed incident beside the recorded ones, and return its folder."""
    base, cause, done, change = COMPOSED[name]
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder / base, target)
    at = datetime.fromisoformat(json.loads((target / "manifest.yaml").read_text("utf-8"))["captured_at"])
    change(target, at)
    said = json.dumps(f"{done} (composed from {base})")
    (target / "truth.yaml").write_text(f"cause: {cause}\nwhat_was_done: {said}\n", "utf-8")
    return target


if __name__ == "__main__":
    for name in COMPOSED:
        compose(name, Path(sys.argv[1]))
