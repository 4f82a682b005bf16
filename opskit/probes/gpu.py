"""NVIDIA GPUs: memory, temperature against each card's own limit, throttling, and cards that are gone.

The driver is asked in a process of its own (gpu_reader). Errors keep their meaning: "not supported" switches a field
off, "GPU is lost" is a fault, and a library that is not there is only unknown unless cards are expected.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import unpack
from opskit.probes.base import Deadline, LateError, Probe, ProbeError, as_facts
from opskit.probes.child import run
from opskit.probes.gpu_inventory import METRIC_FIELDS, Card, Inventory, headroom, throttles, trouble_of, used_pct

_READER = Path(__file__).with_name("gpu_reader.py")
_CAP_BYTES = 4 << 20
_SOURCE = "NVML"
_METRIC_OF = {"hottest_c": "temperature_c", "hardware_thermal": "thermal_throttle"}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`expected` cards; `assumed_limit_c` stands in for cards that do not tell their own operating limit.

    `library` is the folder of libnvidia-ml.so.1 where the system does not find it by itself.
    """

    expected: int | None = None
    assumed_limit_c: float = 85.0
    library: str | None = None


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
        return Args(settings.stack.gpu.expected, library=settings.stack.gpu.library)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Run the reader; where it hangs, say at which call."""
        # As a file and with -P: neither the present folder nor this one may lend the reader a module.
        argv = (sys.executable, "-P", str(_READER))
        # glibc reads it when a process starts: for the reader that is now.
        library = {"LD_LIBRARY_PATH": args.library} if args.library else {}
        try:
            output = run(argv, deadline, say("ask the NVIDIA driver"), _CAP_BYTES, library)
        except OSError as error:
            why = error.strerror or str(error)
            raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage="start", why=why)) from None
        stage, inventory = _told(output.stdout)
        if inventory:
            return (Raw("gpu.json", msgspec.json.format(inventory, indent=1), _SOURCE),)
        if output.finished:
            why = redact(output.stderr.decode("utf-8", "replace")).strip().rpartition("\n")[2]
            shown = why or f"exit code {output.code}"
            raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage=stage, why=shown))
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
        trouble = trouble_of(found)
        if trouble is not None and not args.expected:
            raise ProbeError(trouble)
        cards = [card for card in found.gpus if card.lost is None]
        lost = [card for card in found.gpus if card.lost is not None]
        missing = max(0, (args.expected or 0) - len(cards))
        samples = [] if trouble else [Sample("lost", float(len(lost)), at=at)]
        if args.expected is not None:
            samples.append(Sample("missing", float(missing), at=at))
        samples += [sample for card in cards for sample in _card_samples(card, args, at)]
        facts = _facts(found, cards, lost, missing, args)
        return Reading(as_facts(facts), _evidence(found, cards, lost, at), _why(facts, cards, trouble), tuple(samples))


class _Progress(msgspec.Struct):
    """A line of the reader: the call it is about to make, or the inventory at the end."""

    stage: str = ""
    inventory: msgspec.Raw = msgspec.Raw(b"")


def _told(stdout: bytes) -> tuple[str, bytes]:
    """Return the last call that the reader announced, and the inventory if it came that far."""
    stage, inventory = "start", b""
    for line in stdout.splitlines():
        try:
            progress = msgspec.json.decode(line, type=_Progress)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # a library may print what it likes; the evidence is checked when it is read
        stage, inventory = progress.stage or stage, bytes(progress.inventory) or inventory
    return stage, inventory


def _card_samples(card: Card, args: Args, at: float) -> list[Sample]:
    labels = {"gpu": card.label}
    slowed = throttles(card)
    total = float(card.memory.total) if card.memory else None
    values: dict[str, tuple[float | None, str, float | None]] = {
        "memory_used_pct": (used_pct(card), "%", 100),
        "memory_used_bytes": (float(card.memory.used) if card.memory else None, "B", total),
        "temperature_c": (None if card.temperature_c is None else float(card.temperature_c), "", None),
        "headroom_c": (headroom(card, args.assumed_limit_c), "", None),
        "thermal_throttle": (None if slowed is None else float(slowed), "", None),
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
    throttling = [known for card in cards if (known := throttles(card)) is not None]
    return Facts(
        count=len(cards),
        missing=missing,
        lost=None if error else len(lost),
        hottest_c=_most(float(card.temperature_c) for card in cards if card.temperature_c is not None),
        headroom_c=_least(headroom(card, args.assumed_limit_c) for card in cards),
        thermal_throttle=max(throttling) > 0 if throttling else None,
        hardware_thermal=max(throttling) > 1 if throttling else None,
        memory_used_pct=_most(used_pct(card) for card in cards),
        utilization_pct=_most(card.utilization_pct for card in cards),
        driver_error=error.text if error else "",
    )


def _most(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Any) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _why(facts: Facts, cards: list[Card], trouble: Message | None) -> dict[str, Message]:
    """Say for each series that a card refused, and for each fact that is missing, what NVML answered."""
    if trouble is not None:
        return dict.fromkeys((*GpuProbe.metrics, *Facts.__struct_fields__), trouble)
    why = {
        f"{metric} {card.label}": say("GPU {gpu}: {text}", gpu=card.label, text=wrong.text)
        for card in cards
        for metric, field in METRIC_FIELDS.items()
        if (wrong := card.errors.get(field) or card.error) is not None
    }
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        series = f"{_METRIC_OF.get(name, name)} "
        why[name] = next((text for of, text in why.items() if of.startswith(series)), say("no GPU tells it"))
    return why


def _evidence(found: Inventory, cards: list[Card], lost: list[Card], at: float) -> dict[str, tuple[Evidence, ...]]:
    def proof(field: str, text: str) -> tuple[Evidence, ...]:
        return (Evidence(_SOURCE, text, field=field, at=at),)

    hot = _list(cards, lambda card: f"{_known(card.temperature_c)} C of {_known(card.limit_c)} C")
    full = _list(cards, lambda card: f"{_known(used_pct(card))} %")
    gone = ", ".join(f"GPU {card.index}: {card.lost.text}" for card in lost if card.lost)
    why = _list(cards, lambda card: "?" if card.reasons is None else hex(card.reasons))
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


def _list(cards: list[Card], shown: Callable[[Card], str]) -> str:
    return ", ".join(f"{card.label} {shown(card)}" for card in cards)


def _known(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
