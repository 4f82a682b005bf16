"""NVIDIA GPUs: memory, temperature against each card's own limit, throttling, and cards that are gone.

The driver is asked in a process of its own (gpu_reader). Errors keep their meaning: "not supported" switches a field
off, "GPU is lost" is a fault, and a library that is not there is only unknown unless cards are expected.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import unpack
from opskit.probes.base import Deadline, LateError, Probe, ProbeError, as_facts
from opskit.probes.child import run
from opskit.probes.gpu_inventory import METRIC_FIELDS, Card, Inventory, headroom

_CAP_BYTES = 4 << 20
# nvml.h, nvmlClocksEventReason*. A GeForce that regulates to its target may show the software bit in normal use; the
# hardware bit halves the clocks or worse.
_SOFTWARE_THERMAL, _HARDWARE_THERMAL = 0x20, 0x40
_SOURCE = "NVML"


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`expected` cards; `assumed_limit_c` stands in for cards that do not tell their own operating limit."""

    expected: int | None = None
    assumed_limit_c: float = 85.0


class Facts(msgspec.Struct, frozen=True):
    """`headroom_c` is the smallest distance of a card to its own operating limit; `missing` counts against expected."""

    count: int | None = None
    missing: int | None = None
    lost: int | None = None
    hottest_c: float | None = None
    headroom_c: float | None = None
    thermal_throttle: bool | None = None
    hardware_thermal: bool | None = None
    memory_used_pct: float | None = None
    utilization_pct: float | None = None
    driver_error: str | None = None


class GpuProbe(Probe[Args]):
    """Asks NVML once about every card."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"memory_used_pct", "memory_used_bytes", "temperature_c", "headroom_c", "thermal_throttle", "utilization_pct"}
        | {"power_w", "lost", "missing"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The number of cards that are expected."""
        return Args(settings.stack.gpu.expected)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Run the reader; where it hangs, say at which call."""
        del args  # the whole inventory is read, whatever is expected
        argv = (sys.executable, "-m", "opskit.probes.gpu_reader")
        output = run(argv, deadline, say("ask the NVIDIA driver"), _CAP_BYTES)
        told = [line for line in output.stdout.splitlines() if line.startswith(b"{")]
        for line in reversed(told):
            if line.startswith(b'{"inventory"'):
                inventory = msgspec.json.decode(line)["inventory"]
                return (Raw("gpu.json", msgspec.json.format(msgspec.json.encode(inventory), indent=1), _SOURCE),)
        stage = msgspec.json.decode(told[-1]).get("stage", "?") if told else "start"
        if output.finished:
            why = output.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage=stage, why=why))
        raise LateError(
            say(
                "the NVIDIA driver did not answer {stage} within {seconds} s: look for Xid 119 or 79 in the kernel log",
                stage=stage,
                seconds=deadline.seconds,
            )
        )

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Judge every card by itself, then all of them together."""
        found, at = unpack(raws, Inventory), now.timestamp()
        trouble = _trouble(found)
        if trouble is not None and not args.expected:
            raise ProbeError(trouble)
        cards = [card for card in found.gpus if card.lost is None]
        lost = [card for card in found.gpus if card.lost is not None]
        missing = max(0, (args.expected or 0) - len(cards))
        samples = [Sample("lost", float(len(lost)), at=at)]
        if args.expected is not None:
            samples.append(Sample("missing", float(missing), at=at))
        samples += [sample for card in cards for sample in _card_samples(card, args, at)]
        facts = _facts(found, cards, lost, missing, args)
        why = {"missing": trouble} if trouble else {}
        why.update({name: trouble for name in self.metrics if trouble})
        why.update(_reasons(cards))
        return Reading(as_facts(facts), _evidence(found, cards, lost, at), why, tuple(samples))


def _trouble(found: Inventory) -> Message | None:
    error = found.init_error or found.count_error
    if error is None:
        return None if found.gpus else say("the NVIDIA driver works but shows no GPU")
    texts = {
        9: say("the NVIDIA driver is not loaded (lsmod shows no nvidia module): was the kernel updated without it?"),
        12: say("the NVIDIA driver library libnvidia-ml.so.1 is not on this host: install the driver or mount it here"),
        18: say("NVIDIA driver and library differ in version (updated, no reboot): reboot, or reload the modules"),
        999: say("NVML answers 'unknown error': a container has lost access to the GPU, restart it; else see dmesg"),
    }
    return texts.get(error.code) or say("NVML answers '{text}' ({code})", text=error.text, code=error.code)


def _used_pct(card: Card) -> float | None:
    if card.memory is None or card.memory.total <= 0:
        return None
    return round(card.memory.used / card.memory.total * 100, 2)


def _throttles(card: Card) -> int | None:
    """0 not slowed down by heat, 1 by the driver, 2 by the hardware."""
    if card.reasons is None:
        return None
    return 2 if card.reasons & _HARDWARE_THERMAL else int(bool(card.reasons & _SOFTWARE_THERMAL))


def _card_samples(card: Card, args: Args, at: float) -> list[Sample]:
    labels = {"gpu": card.label}
    throttles = _throttles(card)
    total = float(card.memory.total) if card.memory else None
    values: dict[str, tuple[float | None, str, float | None]] = {
        "memory_used_pct": (_used_pct(card), "%", 100),
        "memory_used_bytes": (float(card.memory.used) if card.memory else None, "B", total),
        "temperature_c": (None if card.temperature_c is None else float(card.temperature_c), "", None),
        "headroom_c": (headroom(card, args.assumed_limit_c), "", None),
        "thermal_throttle": (None if throttles is None else float(throttles), "", None),
        "utilization_pct": (card.utilization_pct, "%", 100),
        "power_w": (None if card.power_mw is None else card.power_mw / 1000, "", None),
    }
    return [
        Sample(name, value, unit, labels, at, 0 if high else None, high)
        for name, (value, unit, high) in values.items()
        if value is not None or not card.cannot(name)
    ]


def _facts(found: Inventory, cards: list[Card], lost: list[Card], missing: int, args: Args) -> Facts:
    error = found.init_error or found.count_error
    throttling = [known for card in cards if (known := _throttles(card)) is not None]
    return Facts(
        count=len(cards),
        missing=missing,
        lost=len(lost),
        hottest_c=_most(float(card.temperature_c) for card in cards if card.temperature_c is not None),
        headroom_c=_least(headroom(card, args.assumed_limit_c) for card in cards),
        thermal_throttle=max(throttling) > 0 if throttling else None,
        hardware_thermal=max(throttling) > 1 if throttling else None,
        memory_used_pct=_most(_used_pct(card) for card in cards),
        utilization_pct=_most(card.utilization_pct for card in cards),
        driver_error=error.text if error else "",
    )


def _most(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Any) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _reasons(cards: list[Card]) -> dict[str, Message]:
    """Say for each series that a card refused what NVML answered."""
    return {
        f"{metric} {card.label}": say("GPU {gpu}: {text}", gpu=card.label, text=wrong.text)
        for card in cards
        for metric in METRIC_FIELDS
        if (wrong := card.errors.get(METRIC_FIELDS[metric])) is not None
    }


def _evidence(found: Inventory, cards: list[Card], lost: list[Card], at: float) -> dict[str, tuple[Evidence, ...]]:
    def proof(field: str, text: str) -> tuple[Evidence, ...]:
        return (Evidence(_SOURCE, text, field=field, at=at),)

    hot = ", ".join(f"{card.label} {card.temperature_c} C of {card.limit_c or '?'} C" for card in cards)
    full = ", ".join(f"{card.label} {_used_pct(card)} %" for card in cards)
    gone = ", ".join(f"GPU {card.index}: {card.lost.text}" for card in lost if card.lost)
    why = ", ".join(f"{card.label} {hex(card.reasons or 0)}" for card in cards)
    error = found.init_error or found.count_error
    return {
        "hottest_c": proof("temperature", hot),
        "headroom_c": proof("temperature", hot),
        "memory_used_pct": proof("memory.used", full),
        "lost": proof("nvmlDeviceGetHandleByIndex", gone),
        "missing": proof("nvmlDeviceGetCount", f"{len(cards)} of {len(found.gpus)} cards answer"),
        "thermal_throttle": proof("clocksEventReasons", why),
        "driver_error": proof("nvmlInit", error.text if error else "ok"),
    }
