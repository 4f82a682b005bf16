"""What a card says about its own condition, as numbers that rules can judge: clocks, memory, power, slot, driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.gpu_inventory import Card

# nvml.h, nvmlClocksEventReason*: the power cap of the driver, the hardware's slowdown, and of its two kinds the one by
# heat and the one by the power supply.
_POWER_CAP, _SLOWDOWN, _HEAT, _BRAKE = 0x4, 0x8, 0x40, 0x80
_WORKING_PCT = 20.0
"""A link may be narrow while the card rests: it is judged only where the card works."""
_RECOVERY = {
    1: say("reset the GPU"),
    2: say("reboot the node"),
    3: say("drain what uses the link between GPUs"),
    4: say("drain the GPU and reset it"),
    6: say("reset the bus of the GPU"),
    7: say("reboot the system"),
}
"""nvmlDeviceGpuRecoveryAction_t"""
_FAILING = frozenset({"ecc_uncorrected", "remap_failure", "unrepairable"})
_WAITING = frozenset({"remap_pending", "retired_pending", "recovery_action"})
_SLOWED = frozenset({"hardware_slowdown", "power_brake"})
METRICS = frozenset(
    {"hardware_slowdown", "power_brake", "power_capped", "power_limit_pct", "pcie_width_pct", "persistence", "clients"}
    | {"ecc_uncorrected", "remap_failure", "remap_pending", "retired_pending", "unrepairable", "recovery_action"}
)


class Finding(NamedTuple):
    """A value, the field of the card that it needs, and words for it where it needs some."""

    metric: str
    value: float | None
    field: str
    why: Message | None = None
    unit: str = ""


def findings(card: Card) -> list[Finding]:
    """Return what the card tells; a value is None where it was asked and could not tell."""
    rows = card.remapped_rows if card.remapped_rows and len(card.remapped_rows) == 4 else None
    found = [
        *_clocks(card),
        *_power(card),
        *_link(card),
        Finding("persistence", _number(card.persistence), "persistence"),
        Finding("clients", None if card.processes is None else float(len(card.processes)), "processes"),
        Finding("ecc_uncorrected", _number(card.ecc_uncorrected), "ecc_uncorrected", _ecc(card)),
        Finding("remap_pending", _number(rows[2] if rows else None), "remapped_rows", _rows(rows)),
        Finding("remap_failure", _number(rows[3] if rows else None), "remapped_rows", _rows(rows)),
        Finding("retired_pending", _number(card.retired_pending), "retired_pending"),
        Finding("unrepairable", _number(card.unrepairable), "unrepairable"),
        Finding("recovery_action", _number(card.recovery_action), "recovery_action", _action(card)),
    ]
    return [one for one in found if one.value is not None or _failed(card, one.field)]


def _failed(card: Card, field: str) -> bool:
    """The card was asked and failed; where it cannot tell at all, that is no value and no complaint."""
    return (field in card.errors and not card.has_no(field)) or card.error is not None


def samples(card: Card, found: list[Finding], at: float) -> list[Sample]:
    """Return the findings as samples of the card."""
    return [Sample(one.metric, one.value, one.unit, {"gpu": card.label}, at) for one in found]


def reasons(card: Card, found: list[Finding]) -> dict[str, Message]:
    """Return the words behind each series of the card: of a value, or of why there is none."""
    why: dict[str, Message] = {}
    for one in found:
        wrong = card.errors.get(one.field) or card.error
        if one.value is None and wrong is not None:
            why[f"{one.metric} {card.label}"] = say("GPU {gpu}: {text}", gpu=card.label, text=wrong.text)
        elif one.why is not None and one.value is not None:
            why[f"{one.metric} {card.label}"] = one.why
    return why


def capped_limit_pct(cards: Iterable[Card]) -> float | None:
    """Return the lowest power limit, as a share of the default, of the cards that their power limit slows down now.

    100 where it slows none down; None where no card tells.
    """
    told = [card for card in cards if card.reasons is not None and card.power_limit_mw and card.power_default_mw]
    shares = [
        round((card.power_limit_mw or 0) / (card.power_default_mw or 1) * 100, 1)
        for card in told
        if (card.reasons or 0) & _POWER_CAP
    ]
    return min(shares, default=100.0) if told else None


def brakes(card: Card) -> bool | None:
    """Return whether the hardware lowers the clocks by itself, and not because of heat; None where it does not tell."""
    bits = card.reasons
    return None if bits is None else bool(bits & _BRAKE) or _slows_alone(bits)


def complaints(samples: Sequence[Sample]) -> tuple[bool | None, bool | None, bool | None]:
    """Return whether memory fails for good, whether a repair waits for a reset, and whether hardware slows a card down.

    None where no card tells anything of the kind, or none says yes and one failed to tell.
    """
    return _worst(samples, _FAILING), _worst(samples, _WAITING), _worst(samples, _SLOWED)


def _worst(samples: Sequence[Sample], metrics: frozenset[str]) -> bool | None:
    values = [sample.value for sample in samples if sample.metric in metrics]
    if any(value for value in values if value is not None):
        return True
    return None if None in values or not values else False


def _clocks(card: Card) -> list[Finding]:
    """The general bit stands with each of its kinds, and heat has a metric of its own in the probe of the cards."""
    bits = card.reasons
    if bits is None:
        return [Finding(name, None, "reasons") for name in ("hardware_slowdown", "power_brake", "power_capped")]
    shown = say("clocks event reasons {bits}", bits=hex(bits))
    return [
        Finding("hardware_slowdown", float(_slows_alone(bits)), "reasons", shown),
        Finding("power_brake", float(bool(bits & _BRAKE)), "reasons", shown),
        Finding("power_capped", float(bool(bits & _POWER_CAP)), "reasons"),
    ]


def _slows_alone(bits: int) -> bool:
    """Whether the hardware slows down for a reason that it does not name."""
    return bool(bits & _SLOWDOWN) and not bits & (_HEAT | _BRAKE)


def _power(card: Card) -> list[Finding]:
    limit, usual = card.power_limit_mw, card.power_default_mw
    if limit is None or usual is None or usual <= 0:
        field = "power_limit_mw" if limit is None else "power_default_mw"
        return [Finding("power_limit_pct", None, field, unit="%")]
    words = say("{limit} W of {usual} W", limit=round(limit / 1000), usual=round(usual / 1000))
    return [Finding("power_limit_pct", round(limit / usual * 100, 1), "power_limit_mw", words, "%")]


def _link(card: Card) -> list[Finding]:
    now, most, load = card.pcie_width, card.pcie_width_max, card.utilization_pct
    if now is None or most is None or most <= 0:
        field = "pcie_width" if now is None else "pcie_width_max"
        return [Finding("pcie_width_pct", None, field, unit="%")]
    if load is None or load < _WORKING_PCT:
        return []
    words = say("x{now} of x{most} while the GPU works", now=now, most=most)
    return [Finding("pcie_width_pct", round(now / most * 100, 1), "pcie_width", words, "%")]


def _ecc(card: Card) -> Message | None:
    if not card.ecc_uncorrected:
        return None
    return say(
        "{n} uncorrectable and {m} corrected errors since the driver was loaded",
        n=card.ecc_uncorrected,
        m=card.ecc_corrected or 0,
    )


def _rows(rows: list[int] | None) -> Message | None:
    if not rows or not any(rows[2:]):
        return None
    return say("{n} rows remapped after uncorrectable errors, {m} after corrected ones", n=rows[1], m=rows[0])


def _action(card: Card) -> Message | None:
    code = card.recovery_action
    return _RECOVERY.get(code, say("action {code}", code=code)) if code else None


def _number(value: int | None) -> float | None:
    return None if value is None else float(value)
