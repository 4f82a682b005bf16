"""Evidence taken away from triage: how an operator's host is that keeps fewer logs than the lab.

The stack itself is not touched. Triage gets a configuration of its own, in which a log is missing or has less in it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opskit.lab.plan import Plan

BLINDS = ("journal", "nginx-logs", "gateway-starts", "request-ids", "nvml")
"""No log of Ollama and the kernel; none of Nginx; a gateway that logs only ends; one without request ids; no NVML."""


@contextmanager
def blinded(plan: Plan, without: Sequence[str]) -> Iterator[Path]:
    """The configuration for triage, as long as the block lasts."""
    if not without:
        yield plan.config_file
        return
    with tempfile.TemporaryDirectory(prefix="opskit-blind-") as folder:
        config = json.loads(plan.config_file.read_text("utf-8"))
        stack, nowhere = config["stack"], str(Path(folder) / "missing")
        if "journal" in without:
            stack["ollama"]["log"] = stack["host"]["kernel_log"] = nowhere
        if "nginx-logs" in without:
            stack["nginx"]["access_log"] = stack["nginx"]["error_log"] = nowhere
        if "nvml" in without:
            stack["gpu"]["library"] = nowhere
        if {"gateway-starts", "request-ids"} & set(without):
            log = Path(folder) / "gateway.log"
            log.write_text("".join(_less(plan.logs["gateway"], without)), "utf-8")
            stack["gateway"]["log"] = str(log)
        path = Path(folder) / "opskit.yaml"
        path.write_text(json.dumps(config), "utf-8")
        yield path


def _less(log: Path, without: Sequence[str]) -> Iterator[str]:
    for line in log.read_text("utf-8", "replace").splitlines():
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError:  # the gateway is just writing it
            continue
        if "gateway-starts" in without and record.get("event") == "request.start":
            continue
        if "request-ids" in without:
            record.pop("request_id", None)
        yield json.dumps(record, ensure_ascii=False) + "\n"
