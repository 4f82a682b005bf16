"""NVIDIA GPUs: memory, temperature against each card's own limit, throttling, and cards that are gone.

The driver is asked in a process of its own (gpu_reader). Errors keep their meaning: "not supported" switches a field
off, "GPU is lost" is a fault, and a library that is not there is only unknown unless cards are expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.gpu_ask import inventory
from opskit.probes.gpu_health import brakes, capped_limit_pct
from opskit.probes.gpu_heat import heat_of, limit_of
from opskit.probes.gpu_inventory import METRIC_FIELDS, Card, Inventory, throttles, used_pct
from opskit.probes.gpu_trouble import card_trouble, trouble_of

_SOURCE = "NVML"
_NEAR_C = 10.0
_HEAT = ("headroom_c", "temperature_c", "limit_assumed")
_METRIC_OF = {
    "hottest_c": "temperature_c",
    "hardware_thermal": "thermal_throttle",
    "power_brake": "thermal_throttle",
}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`expected` cards; `assumed_limit_c` stands in for cards that do not tell their own operating limit.

    `library` is the folder of libnvidia-ml.so.1 where the system does not find it by itself; in `version_file` the
    kernel's driver tells its version.
    """

    expected: int | None = None
    assumed_limit_c: float = 85.0
    library: str | None = None
    version_file: str = "/proc/driver/nvidia/version"


class Facts(msgspec.Struct, frozen=True):
    """`headroom_c` is the smallest distance of a card to its own operating limit; `missing` counts against expected.

    `power_limit_pct` is the power limit over the default one, of the cards that it slows down at this moment.
    `power_brake`: a card's hardware lowers the clocks by itself, and not because of heat.
    """

    count: int | None = None
    missing: int | None = None
    lost: int | None = None
    hottest_c: float | None = None
    headroom_c: float | None = None
    thermal_throttle: bool | None = None
    hardware_thermal: bool | None = None
    memory_used_pct: float | None = None
    utilization_pct: float | None = None
    power_limit_pct: float | None = None
    power_brake: bool | None = None
    driver_error: str | None = None


class GpuProbe(Probe[Args]):
    """Asks NVML once about every card."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"memory_used_pct", "memory_used_bytes", "temperature_c", "headroom_c", "thermal_throttle", "utilization_pct"}
        | {"power_w", "limit_assumed", "answering", "lost", "missing"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The number of cards that are expected."""
        gpu = settings.stack.gpu
        return Args(gpu.expected, library=gpu.library, version_file=gpu.version_file)

    def looks_at(self, args: Args) -> object:
        """The library that is asked: what is expected of its cards is for the reading."""
        return args.library, args.version_file

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Run the reader; where it hangs, say at which call."""
        found = inventory(args.library, args.version_file, deadline)
        return (Raw("gpu.json", found, _SOURCE),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Judge every card by itself, then all of them together."""
        found, at = unpack(raws, Inventory), now.timestamp()
        trouble = trouble_of(found)
        if trouble is not None and not args.expected:
            raise ProbeError(trouble)
        cards = [card for card in found.gpus if card.lost is None]
        lost = [card for card in found.gpus if card.lost is not None]
        missing = max(0, (args.expected or 0) - len(cards))
        samples = [Sample("answering", float(len(cards)), at=at, low=0)]
        samples += [] if trouble else [Sample("lost", float(len(lost)), at=at)]
        if args.expected is not None:
            samples.append(Sample("missing", float(missing), at=at))
        samples += [sample for card in cards for sample in _card_samples(card, args, at)]
        facts = _facts(found, cards, lost, missing, args)
        why = _why(facts, found, args, trouble)
        return Reading(as_facts(facts), _evidence(found, cards, lost, at), why, tuple(samples))


def _card_samples(card: Card, args: Args, at: float) -> list[Sample]:
    labels = {"gpu": card.label}
    slowed, heat = throttles(card), heat_of(card, args.assumed_limit_c)
    total = float(card.memory.total) if card.memory else None
    values: dict[str, tuple[float | None, str, float | None]] = {
        "memory_used_pct": (used_pct(card), "%", 100),
        "memory_used_bytes": (float(card.memory.used) if card.memory else None, "B", total),
        "temperature_c": (None if card.temperature_c is None else float(card.temperature_c), "", None),
        "headroom_c": (heat.headroom_c if heat else None, "", None),
        "limit_assumed": (float(heat.assumed) if heat else None, "", None),
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
    braked = [known for card in cards if (known := brakes(card)) is not None]
    return Facts(
        count=len(cards),
        missing=missing,
        lost=None if error else len(lost),
        hottest_c=_most(float(card.temperature_c) for card in cards if card.temperature_c is not None),
        headroom_c=_least(heat.headroom_c for card in cards if (heat := heat_of(card, args.assumed_limit_c))),
        thermal_throttle=max(throttling) > 0 if throttling else None,
        hardware_thermal=max(throttling) > 1 if throttling else None,
        memory_used_pct=_most(used_pct(card) for card in cards),
        utilization_pct=_most(card.utilization_pct for card in cards),
        power_limit_pct=capped_limit_pct(cards),
        power_brake=max(braked) if braked else None,
        driver_error=error.text if error else "",
    )


def _most(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Any) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _why(facts: Facts, found: Inventory, args: Args, trouble: Message | None) -> dict[str, Message]:
    """Say for each series that a card refused, and for each fact that is missing, what NVML answered.

    And where a temperature is worth a look, which limit it is held against.
    """
    if trouble is not None:
        return dict.fromkeys((*GpuProbe.metrics, *Facts.__struct_fields__), trouble)
    cards = [card for card in found.gpus if card.lost is None]
    why = {
        f"{metric} {card.label}": say("GPU {gpu}: {text}", gpu=card.label, text=wrong.text)
        for card in cards
        for metric, field in METRIC_FIELDS.items()
        if (wrong := card.errors.get(field) or card.error) is not None
    }
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        series = f"{_METRIC_OF.get(name, name)} "
        why[name] = next((text for of, text in why.items() if of.startswith(series)), say("no GPU tells it"))
    for card in cards:
        heat = heat_of(card, args.assumed_limit_c)
        if heat and (heat.assumed or heat.headroom_c < _NEAR_C or _is_hot(card, args)):
            why |= dict.fromkeys((f"{name} {card.label}" for name in _HEAT), heat.why)
    gone = [(card, card.lost) for card in found.gpus if card.lost is not None]
    if gone:
        card, wrong = gone[0]
        why["lost"] = say("GPU {gpu}: {text}", gpu=card.label, text=card_trouble(wrong))
    if facts.missing:
        why["missing"] = say("{n} of {m} answer", n=facts.count or 0, m=args.expected or 0)
    return why


def _is_hot(card: Card, args: Args) -> bool:
    return card.temperature_c is not None and card.temperature_c > args.assumed_limit_c


def _evidence(found: Inventory, cards: list[Card], lost: list[Card], at: float) -> dict[str, tuple[Evidence, ...]]:
    def proof(field: str, text: str) -> tuple[Evidence, ...]:
        return (Evidence(_SOURCE, text, field=field, at=at),)

    hot = _list(cards, lambda card: f"{_known(card.temperature_c)} C of {_known(limit_of(card))} C")
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
        "power_brake": proof("clocksEventReasons", why),
        "power_limit_pct": proof("clocksEventReasons, power limit over default", _list(cards, _power)),
        "driver_error": proof("nvmlInit", error.text if error else "ok"),
    }


def _list(cards: list[Card], shown: Callable[[Card], str]) -> str:
    return ", ".join(f"{card.label} {shown(card)}" for card in cards)


def _power(card: Card) -> str:
    bits = "?" if card.reasons is None else hex(card.reasons)
    return f"{bits}, {_watts(card.power_limit_mw)} of {_watts(card.power_default_mw)} W"


def _watts(milliwatts: int | None) -> str:
    return "?" if milliwatts is None else f"{milliwatts / 1000:g}"


def _known(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
