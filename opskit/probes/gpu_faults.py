"""Whether the cards are sound: what they say of themselves, joined with what the driver reports of them (Xid).

NVML tells only the Xids that happen while it is asked, the kernel's log those of the past: both count, each incident
once. One that lies long back, or before the last boot, accuses nobody; it is mentioned with its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.logs.kernel import boots, events
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes import gpu, gpu_health, kernel_log, xid
from opskit.probes.answer import unpack
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.gpu_ask import is_hung
from opskit.probes.gpu_inventory import Card, Inventory
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.log_tail import AHEAD_S
from opskit.probes.xid import Sighting

_LABELS = {"gpu-lost", "gpu-fault"}
_OF_CARDS = ("memory_failing", "reset_due", "slowed")
_SHOWN, _OLD_SHOWN = 3, 3
_TEXT = 200
_ASKING_S = 60.0


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back an Xid may lie that still counts."""

    gpu: gpu.Args = gpu.Args()
    kernel: kernel_log.Args = kernel_log.Args()
    recent_s: float = 1800.0


class Facts(msgspec.Struct, frozen=True):
    """`xids` are incidents within the last part of the log; `xid_level` is 2 for critical ones, 1 for warnings.

    `memory_failing`: uncorrectable errors, a row that could not be remapped, or memory past repair; `reset_due`: a
    repair waits for a reset or a reboot, or the driver asks for one; `slowed`: the hardware lowers clocks by itself.
    """

    xids: int | None = None
    xid_level: int | None = None
    driver_hung: bool | None = None
    memory_failing: bool | None = None
    reset_due: bool | None = None
    slowed: bool | None = None


class GpuFaultsProbe(JointProbe[Args]):
    """Joins the cards with the kernel's log."""

    arguments = Args
    facts = Facts
    metrics = gpu_health.METRICS | {"xid_level", "driver_hung"}

    def defaults(self, settings: Settings) -> Args:
        """Those of the two parts."""
        return Args(gpu.GpuProbe().defaults(settings), kernel_log.KernelLogProbe().defaults(settings))

    def parts(self, args: Args) -> tuple[Part, ...]:
        """The log first: it is quick, and knows why the driver is slow."""
        return Part("kernel", kernel_log.KernelLogProbe(), args.kernel), Part("gpu", gpu.GpuProbe(), args.gpu)

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Judge each card by what it says, and by the Xids about it."""
        at, zone = now.timestamp(), now.tzinfo or host_zone()
        found = _inventory(seen["gpu"])
        cards = [card for card in found.gpus if card.lost is None]
        told = [*_logged(seen["kernel"], zone, at), *_heard(found, at)]
        recent = [one for one in told if -AHEAD_S <= at - one.at <= args.recent_s]
        silence = seen["kernel"].trouble
        samples, why, notes = list[Sample](), dict[str, Message](), list[Message]()
        for card in cards:
            health = gpu_health.findings(card)
            samples += gpu_health.samples(card, health, at)
            why |= gpu_health.reasons(card, health)
        levels = _levels(cards, found.gpus, recent)
        for label, mine in levels.items():
            value = None if silence is not None and not mine else float(xid.level(mine))
            samples.append(Sample("xid_level", value, "", {"gpu": label} if label else {}, at))
            if value is None and silence is not None:
                why[f"xid_level {label}".strip()] = silence
            elif mine:
                why[f"xid_level {label}".strip()] = _words(mine, zone)
        hung = seen["gpu"].trouble is not None and is_hung(seen["gpu"].trouble)
        if hung or seen["gpu"].trouble is None:
            samples.append(Sample("driver_hung", float(hung), at=at))
        if hung and seen["gpu"].trouble is not None:
            why["driver_hung"] = seen["gpu"].trouble
        older = xid.episodes([one for one in told if at - one.at > args.recent_s])
        notes += [_words(mine, zone) for mine in levels.values() if mine and not xid.level(mine)]
        notes += [_old_words(one, zone) for one in older[-_OLD_SHOWN:]]
        facts, more = _facts(recent, levels, hung, seen, silence)
        failing, waiting, slowed = gpu_health.complaints(samples)
        facts = msgspec.structs.replace(facts, memory_failing=failing, reset_due=waiting, slowed=slowed)
        untold = {name: say("no GPU tells it") for name in _OF_CARDS if getattr(facts, name) is None}
        return Reading(as_facts(facts), _evidence(recent), untold | why | more, tuple(samples), tuple(notes))


def _inventory(seen: Seen) -> Inventory:
    """What the cards told; nothing where they could not be asked: the Xids count all the same."""
    if not seen.raws:
        return Inventory()
    try:
        return unpack(seen.raws, Inventory)
    except ProbeError:
        return Inventory()


def _logged(seen: Seen, zone: tzinfo, at: float) -> Iterator[Sighting]:
    """The Xids of the kernel's log since the last boot that it shows; one without a time cannot be called recent."""
    known = (boot for raw in seen.raws for boot in boots(raw.data, zone, at))
    started = max((boot for boot in known if boot <= at + AHEAD_S), default=float("-inf"))
    for raw in seen.raws:
        for event in events(raw.data, raw.first_line, zone, read_at=at):
            if event.label in _LABELS and event.at is not None and started <= event.at <= at + AHEAD_S:
                number = event.xid if event.xid is not None else xid.OFF_THE_BUS
                text = redact(event.text)[:_TEXT]
                yield Sighting(number, event.at, _place(event.device), text, raw.origin, event.line)


def _heard(found: Inventory, at: float) -> Iterator[Sighting]:
    by_index = {card.index: card for card in found.gpus}
    for event in found.events:
        card = by_index.get(event.index) if event.index is not None else None
        place = _place(card.pci) if card is not None else None
        # The clock of who asked is the clock of who reads, unless the evidence was damaged.
        when = event.at if event.at is not None and abs(at - event.at) < _ASKING_S else at
        yield Sighting(event.xid, when, place, f"Xid {event.xid}", "NVML events")


def _place(device: str | None) -> str | None:
    """`0000:17:00` for every way to write that address: NVML gives the domain eight digits, and adds the function."""
    try:
        domain, bus, slot = (device or "").partition(".")[0].split(":")
        return f"{int(domain, 16):04x}:{int(bus, 16):02x}:{int(slot, 16):02x}"
    except ValueError:
        return None


def _levels(cards: list[Card], known: list[Card], recent: list[Sighting]) -> dict[str, list[Sighting]]:
    """The incidents by card that answers; those about an address that no card has stand for themselves."""
    labels = {place: card.label for card in known if (place := _place(card.pci)) is not None}
    found: dict[str, list[Sighting]] = {card.label: [] for card in cards}
    for one in xid.episodes(recent):
        label = labels.get(one.device or "") or (f"PCI {one.device}" if one.device else "PCI ?")
        found.setdefault(label, []).append(one)
    return found or {"": []}


def _words(found: Sequence[Sighting], zone: tzinfo) -> Message:
    """The newest of the worst, and how many there were."""
    worst = max(found, key=lambda one: (xid.level([one]), one.at))
    count = len(found)
    text = say(
        "Xid {xid} at {time}: {means}", xid=worst.xid, time=_time(worst, zone), means=xid.meaning(worst.xid).means
    )
    return say("{text}; {n} such reports", text=text, n=count) if count > 1 else text


def _old_words(one: Sighting, zone: tzinfo) -> Message:
    return say("Xid {xid} at {time} is too long ago to count", xid=one.xid, time=_time(one, zone))


def _time(one: Sighting, zone: tzinfo) -> str:
    return datetime.fromtimestamp(one.at, zone).isoformat(" ", "seconds")


def _facts(
    recent: Sequence[Sighting],
    levels: Mapping[str, list[Sighting]],
    hung: bool,
    seen: Mapping[str, Seen],
    silence: Message | None,
) -> tuple[Facts, dict[str, Message]]:
    why: dict[str, Message] = {}
    known = silence is None or bool(recent)
    if not known and silence is not None:
        why |= {"xids": silence, "xid_level": silence}
    trouble = seen["gpu"].trouble
    if trouble is not None and not hung:
        why["driver_hung"] = trouble
    worst = max((xid.level(mine) for mine in levels.values()), default=0)
    facts = Facts(
        xids=len(xid.episodes(recent)) if known else None,
        xid_level=worst if known else None,
        driver_hung=hung if hung or trouble is None else None,
    )
    return facts, why


def _evidence(recent: Sequence[Sighting]) -> dict[str, tuple[Evidence, ...]]:
    shown = sorted(recent, key=lambda one: one.at)[-_SHOWN:]
    return {"xids": tuple(Evidence(one.source, one.text, one.line, at=one.at) for one in shown)} if shown else {}
