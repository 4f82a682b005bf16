"""Evidence of cards, of Ollama and of logs, put together for joint probes, and what a shipped check makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opskit.app.asking import merged
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.verdict import Verdict
from opskit.probes import gpu
from opskit.probes.base import ProbeError
from opskit.probes.joint import JointProbe, Part, gathered
from tests.probes.asking import AT, NOW, checked, make

GB = 1_000_000_000
FIRST = "GPU-00000000-5a11-4c0d-9e57-00000000a100"
Told = bytes | ProbeError
NOBODY = ProbeError(say("{path}: there is no such file", path="/var/log/x"))
RUNNER = {"pid": 2417, "used": 21 * GB, "name": "llama-server", "parent": "ollama", "started_at": AT - 3600}
STRANGER = {"pid": 4242, "used": 8 * GB, "name": "python3", "parent": "bash", "user": "bob", "started_at": AT - 3600}


def card(index: int = 0, **changes: Any) -> dict[str, Any]:
    """An A10 that serves a 32B model, as gpu_reader prints it."""
    used = changes.pop("used", 21 * GB)
    return {
        "index": index,
        "uuid": FIRST.replace("00000000-5", f"0000000{index}-5"),
        "pci": f"00000000:{0x17 + index:02X}:00.0",
        "memory": {"version": 2, "total": 24 * GB, "used": used, "reserved": 0},
        "temperature_c": 60,
        "limits": {"gpu_max_c": 88, "slowdown_c": 95},
        "reasons": 0,
        "utilization_pct": 50,
        "power_mw": 90_000,
        "power_limit_mw": 150_000,
        "power_default_mw": 150_000,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "persistence": 1,
        "ecc_uncorrected": 0,
        "remapped_rows": [0, 0, 0, 0],
        "recovery_action": 0,
        "processes": [RUNNER],
        **changes,
    }


def inventory(*cards: Mapping[str, Any], **more: Any) -> bytes:
    return json.dumps({"gpus": list(cards), "driver": "580.95.05", **more}).encode()


def api(*models: Mapping[str, Any], failure: Mapping[str, str] | None = None) -> bytes:
    """Ollama's answers, with these models loaded; or how asking failed."""
    url = "http://127.0.0.1:11434/api/"
    if failure is not None:
        return json.dumps({"tags": {"url": url + "tags", "method": "GET", "failure": failure}}).encode()
    told = {"method": "GET", "status": 200, "body": json.dumps({"models": list(models)})}
    return json.dumps({"tags": {"url": url + "tags", **told}, "ps": {"url": url + "ps", **told}}).encode()


def model(vram: float = 20.8, size: float | None = None, name: str = "qwen3:32b") -> dict[str, Any]:
    sizes = {"size": int((vram if size is None else size) * GB), "size_vram": int(vram * GB)}
    return {"name": name, "model": name, "context_length": 4096, **sizes}


def reading(
    name: str, told: Mapping[str, Told], now: datetime = NOW, moment: float | None = None, **given: Any
) -> Reading:
    """Let a joint probe read evidence of its parts, as of a moment that is over where one is given."""
    found, args = make(name, **given)
    assert isinstance(found, JointProbe)
    if moment is not None:
        args, now = found.as_of(args, moment), datetime.fromtimestamp(moment, now.tzinfo)

    def look(part: Part) -> tuple[Raw, ...]:
        evidence = told[part.name]
        if isinstance(evidence, ProbeError):
            raise evidence
        return (Raw(f"{part.name}.raw", evidence, f"/var/log/{part.name}"),)

    return checked(found, found.read(gathered(found.parts(args), look), args, now))


def judge(check: str, name: str, told: Mapping[str, Told], expected: int | None = 1, **given: Any) -> Verdict:
    """What the shipped check says of the evidence: that of the cards, joined with the rest."""
    arguments = gpu.Args(expected=expected)
    parts = [("gpu", _cards(told["gpu"], arguments)), (name, _joint(name, told, arguments, **given))]
    return evaluate(checks.load(None).good[check], merged(parts), AT)


def _cards(told: Told, arguments: gpu.Args) -> Reading:
    if isinstance(told, ProbeError):
        return Reading(unreadable=told.reason)
    try:
        return gpu.GpuProbe().read((Raw("gpu.json", told, "NVML"),), arguments, NOW)
    except ProbeError as error:
        return Reading(unreadable=error.reason)


def _joint(name: str, told: Mapping[str, Told], arguments: gpu.Args, **given: Any) -> Reading:
    try:
        return reading(name, told, gpu=arguments, **given)
    except ProbeError as error:
        return Reading(unreadable=error.reason)


def texts(verdict: Verdict) -> str:
    return "\n".join(str(item.text) for item in verdict.items)


def problem(verdict: Verdict) -> str:
    """The text of the worst item."""
    return str(verdict.items[0].text)


OLD_AND_NEW = inventory(
    card(events=[], errors={"margin_c": {"code": 3, "text": "Not Supported"}}),
    card(1, processes=[STRANGER, {"pid": 1}], margin_c=3, tlimit_slowdown_c=-2, capability=[9, 0], unrepairable=0),
    {"index": 2, "error": {"code": 15, "text": "GPU is lost"}},
    module="NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  x",
    library="/usr/lib/libnvidia-ml.so.580.95.05",
    events=[{"xid": 79, "index": 2, "at": AT}, {"xid": 13, "index": 0, "at": AT}],
)
"""Cards with all that a reader tells, and one that is gone."""
