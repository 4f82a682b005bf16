"""Why Ollama computes on the CPU although there is a GPU: the known causes, each with what shows it and its remedy.

Ollama says none of them to its users: a load that finds no GPU goes to the CPU, and the answer comes ten times later.
"""

from __future__ import annotations

import re

import msgspec

from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.probes.gpu_inventory import Card, Inventory
from opskit.probes.gpu_tenants import foreign_bytes, gigabytes, people, strangers
from opskit.probes.gpu_trouble import card_trouble, trouble_of, versions
from opskit.probes.ollama_api import Model

_MISMATCH = regex(r"(?i)init failure: 18\b|driver/library version mismatch|forward compatibility was attempted")
_TOO_OLD = regex(r"(?i)driver (?:is )?too old|driver version is insufficient")
_REFUSED = regex(
    r"(?i)(?:cuinit|cu\w{4,24} err:|cudasetdevice|cuda error|device context|init failure:?)\D{0,40}\b999\b"
    r"|cuda.{0,60}unknown error"
)
_NONE_FOUND = regex(
    r"(?i)inference compute.{0,80}library=cpu|no compatible gpus|gpu (?:discovery|bootstrap).{0,80}(?:fail|timed)"
)
_OLDEST, _OLDEST_EARLY = 550, 570
"""Branches of the driver that Ollama wants; the second for cards before compute capability 7.0 (discover/cuda_compat.go
of Ollama 0.33)."""
_ROOM_PCT = 50.0
_SETTLED_S = 900.0


class Traces(msgspec.Struct, frozen=True):
    """What is known: the cards, the lines of Ollama's log that mean something, and when things were started.

    `lines` is None where the log could not be read, `suspended` where the kernel's could not. Times in epoch seconds.
    """

    found: Inventory
    lines: list[str] | None = None
    suspended: bool | None = None
    driver_loaded_at: float | None = None
    ollama_started_at: float | None = None
    model: Model | None = None

    @property
    def cards(self) -> list[Card]:
        """Those that answer."""
        return [card for card in self.found.gpus if card.lost is None]

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Whether the log has such a line."""
        return any(pattern.search(line) for line in self.lines or ())


def cause_of(traces: Traces) -> Message:
    """Return the first cause that something shows, or that nothing does."""
    for cause in (_no_driver, _mismatch, _too_old, _suspended, _container, _boot_race, _no_room, _perhaps_too_old):
        text = cause(traces)
        if text is not None:
            return text
    if traces.lines is None:
        return say("why cannot be told without its log. Restart Ollama and read what it says at its start")
    return say("none of the known causes shows. Restart Ollama and read what it says at its start")


def _no_driver(traces: Traces) -> Message | None:
    """There is no card to see for anybody: that is said in its own words, the mismatch with both versions."""
    lost = [card.lost for card in traces.found.gpus if card.lost is not None]
    if lost and not traces.cards:
        return say("the GPU does not answer: {text}", text=card_trouble(lost[0]))
    return trouble_of(traces.found)


def _mismatch(traces: Traces) -> Message | None:
    module, library = versions(traces.found)
    if module and library and module != library:
        return say(
            "the kernel runs driver {module}, the library is {library}: updated without a reboot. Reboot",
            module=module,
            library=library,
        )
    if traces.says(_MISMATCH):
        return say("it found driver and library in different versions, which is over now: restart Ollama")
    return None


def _too_old(traces: Traces) -> Message | None:
    if not traces.says(_TOO_OLD):
        return None
    return say("its log says that driver {driver} is too old: upgrade the driver", driver=traces.found.driver or "?")


def _perhaps_too_old(traces: Traces) -> Message | None:
    """Only the number: an old Ollama is content with an old driver, so whatever else shows comes first."""
    driver = traces.found.driver or ""
    major = int(driver.partition(".")[0]) if re.match(r"[0-9]{1,4}\.", driver) else None
    capability = min((card.capability[0] for card in traces.cards if card.capability), default=None)
    needed = _OLDEST_EARLY if capability is not None and capability < 7 else _OLDEST
    if major is None or major >= needed:
        return None
    return say(
        "driver {driver} may be too old for it: current versions want {needed} or newer. Upgrade the driver",
        driver=driver,
        needed=needed,
    )


def _suspended(traces: Traces) -> Message | None:
    """CUDA is refused while NVML works, after the machine slept (ollama#5464, #10053)."""
    if traces.suspended and (traces.says(_REFUSED) or traces.says(_NONE_FOUND) or not traces.lines):
        return say(
            "the machine was suspended, and CUDA has not come back since: stop Ollama, reload nvidia_uvm, start Ollama"
        )
    return None


def _container(traces: Traces) -> Message | None:
    """NVML works on the host and CUDA is refused to Ollama: its control group lost the devices."""
    if traces.says(_REFUSED):
        return say(
            "CUDA is refused to it with error 999 while the card is fine: in a container, access was lost (after a"
            " daemon-reload): recreate the container; on the host, after a suspend: reload nvidia_uvm"
        )
    return None


def _boot_race(traces: Traces) -> Message | None:
    """It looked for cards once, at its start, and there was none yet (ollama#7669)."""
    early = (
        traces.driver_loaded_at is not None
        and traces.ollama_started_at is not None
        and 0 <= traces.driver_loaded_at - traces.ollama_started_at < _SETTLED_S
    )
    if early or traces.says(_NONE_FOUND):
        return say(
            "it found no GPU when it started, and there is one now: restart Ollama, and let it wait for the driver"
        )
    return None


def _no_room(traces: Traces) -> Message | None:
    """Not a fault of driver or start: others took the memory, and what does not fit goes to the CPU."""
    if traces.model is None or not traces.cards:
        return None
    held = [(foreign_bytes(card, traces.cards, 0, 0) or 0.0, card) for card in traces.cards]
    most, card = max(held, key=lambda one: one[0])
    total = card.memory.total if card.memory is not None else 0
    if total > 0 and most / total * 100 > _ROOM_PCT:
        who = people(strangers(card))
        return say("{held} GB of the card are held by others: {who}", held=gigabytes(most), who=who)
    return None
