"""What this server does to the card, for whoever reads the card: memory, processes, utilisation, power."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from opskit.lab.ollama.card import DRIVER_BYTES, Card, look
from opskit.lab.ollama.settings import Live

_RUNNER = b"opskit.lab.runner"
_IDLE_WATTS, _BUSY_WATTS = 24.0, 142.0
_BUSY_PERCENT = 96


class Tenant(Protocol):
    """A runner, as the card knows it."""

    @property
    def pid(self) -> int:
        """Of its process."""

    @property
    def size_vram(self) -> int:
        """Bytes on the card."""

    @property
    def progressing(self) -> bool:
        """Whether it computes right now: a frozen process does not."""


class Ledger:
    """Keeps the load file in step with the runners."""

    def __init__(self, live: Live) -> None:
        """Take over the runners that an earlier server left behind."""
        self._live = live
        self._written: str | None = None
        self._tenants = list[Tenant]()
        self._orphans = self._left_behind()

    @property
    def load_file(self) -> Path | None:
        """The file to write, if any."""
        gpu = self._live.settings.gpu
        return Path(gpu.load_file) if gpu and gpu.load_file else None

    @property
    def idle_file(self) -> Path | None:
        """Beside it, what it says when no runner is there: a runner that outlives us moves it into place."""
        return self.load_file.with_name(self.load_file.name + ".idle") if self.load_file else None

    def card(self) -> Card | None:
        """The card's state at this moment, None for a card with room for everything."""
        return look(self._live.settings.gpu) if self._live.settings.gpu else None

    def used(self) -> int:
        """Bytes that our runners, the orphaned ones too, have on the card."""
        self._prune()
        return sum(tenant.size_vram for tenant in self._tenants) + sum(self._orphans.values())

    def enter(self, tenant: Tenant) -> None:
        """A runner begins to load."""
        self._tenants.append(tenant)
        self.write()

    def leave(self, tenant: Tenant) -> None:
        """A runner has ended; harmless when it was not there."""
        if tenant in self._tenants:
            self._tenants.remove(tenant)
            self.write()

    def abandon(self, tenant: Tenant) -> None:
        """A runner is not ours any more but keeps its memory."""
        self._orphans[tenant.pid] = tenant.size_vram
        self.leave(tenant)

    def write(self) -> None:
        """Bring the file up to date with the runners and with the state files."""
        gpu, card = self._live.settings.gpu, self.card()
        if self.load_file is None or self.idle_file is None or gpu is None or card is None:
            return
        present = [tenant for tenant in self._tenants if tenant.size_vram]
        self._prune()
        held = {tenant.pid: tenant.size_vram for tenant in present} | self._orphans
        text = _lines(gpu.card, card, held, any(tenant.progressing for tenant in present))
        if text != self._written or not self.load_file.exists():
            _replace(self.idle_file, _lines(gpu.card, card, self._orphans, False))
            _replace(self.load_file, text)
            self._written = text

    def _prune(self) -> None:
        self._orphans = {pid: size for pid, size in self._orphans.items() if _is_runner(pid)}

    def _left_behind(self) -> dict[int, int]:
        try:
            lines = self.load_file.read_text("utf-8").splitlines() if self.load_file else []
        except OSError:
            return {}
        named = [line.partition(" ")[2] for line in lines if line.partition(" ")[0].endswith(".procs")]
        pairs = [item.partition(":") for text in named for item in text.split(",")]
        return {int(pid): int(size) for pid, _, size in pairs if pid.isdigit() and size.isdigit()}


def _lines(index: int, card: Card, held: dict[int, int], busy: bool) -> str:
    processes = ",".join(filter(None, [card.foreign_processes, *(f"{pid}:{size}" for pid, size in held.items())]))
    driver = DRIVER_BYTES if held else 0
    values = {
        "mem_used": driver + card.foreign + sum(held.values()),
        "procs": processes or "none",
        "util_gpu": _BUSY_PERCENT if busy else 0,
        "util_mem": 71 if busy else 0,
        "power": int(1000 * (_BUSY_WATTS if busy else _IDLE_WATTS)),
        "pstate": 0 if busy else 8,
    }
    owners = ",".join(map(str, (os.getpid(), *held)))  # the card takes the file for void when none of them lives
    return f"owner {owners}\n" + "".join(f"gpu{index}.{key} {value}\n" for key, value in values.items())


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    with suppress(OSError):  # a folder that is gone stops no answer
        fresh.write_text(text, "utf-8")
        fresh.replace(path)


def _is_runner(pid: int) -> bool:
    """Whether that process lives and is a runner: numbers are used again."""
    try:
        return _RUNNER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
