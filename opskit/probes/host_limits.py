"""The limits of parts and kernel as facts: what a diagnosis asks of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opskit.model.reading import Fact
from opskit.model.sample import Sample
from opskit.probes.machine import Machine

_OF_KERNEL = ("memory_stalled_pct", "conntrack_used_pct", "clock_synchronized")


def limit_facts(machine: Machine, samples: Sequence[Sample], ports: Mapping[str, int]) -> dict[str, Fact]:
    """Return the facts that the host's series hold already, by name; None where a series has no value."""
    values = {(sample.metric, sample.labels.get("part", "")): sample.value for sample in samples}
    facts: dict[str, Fact] = {name: values.get((name, "")) for name in _OF_KERNEL}
    synchronized = facts["clock_synchronized"]
    facts["clock_synchronized"] = None if synchronized is None else bool(synchronized)
    for part in ("gateway", "nginx"):
        facts[f"{part}_files_pct"] = values.get(("files_used_pct", part))
    waiting = [queue.waiting for queue in machine.queues or [] if queue.port == ports.get("gateway")]
    facts["gateway_waiting"] = max(waiting) if waiting else None
    return facts
