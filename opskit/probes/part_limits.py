"""How near the parts are to limits of their own: files that a process may open, connections that wait for it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.machine import Machine


class Use(msgspec.Struct, frozen=True):
    """How much of a limit is used; `text` says it with the numbers."""

    share: float
    text: Message


def _uses(machine: Machine, port: int) -> dict[str, list[Use]]:
    """By metric, every process of a part and every socket that it listens at. None of them has an endless limit."""
    return {
        "files_used_pct": [
            Use(
                _share(owner.files, owner.limit),
                say("{number} of {limit} files are open", number=owner.files, limit=owner.limit),
            )
            for owner in machine.owners or []
            if owner.port == port and owner.limit is not None
        ],
        "accept_queue_pct": [
            Use(
                _share(queue.waiting, queue.limit),
                say("{number} wait, the kernel keeps {limit}", number=queue.waiting, limit=queue.limit),
            )
            for queue in machine.queues or []
            if queue.port == port
        ],
    }


def limit_samples(machine: Machine, ports: Mapping[str, int], at: float) -> list[Sample]:
    """One series for each part; the process, or the listening socket, that is nearest to its limit stands for it."""
    return [
        Sample(metric, max(use.share for use in uses), "%", {"part": part}, at, 0)
        for part, port in ports.items()
        for metric, uses in _uses(machine, port).items()
        if uses
    ]


def limit_details(machine: Machine, ports: Mapping[str, int]) -> dict[str, Message]:
    """The numbers behind each series."""
    return {
        f"{metric} {part}": max(uses, key=lambda use: use.share).text
        for part, port in ports.items()
        for metric, uses in _uses(machine, port).items()
        if uses
    }


def limit_notes(machine: Machine, ports: Mapping[str, int]) -> tuple[Message, ...]:
    """Name the parts whose processes were not seen."""
    parts = [part for part, port in ports.items() if port in machine.hidden]
    if not parts:
        return ()
    named = ", ".join(parts)
    return (say("open files of {parts} were not counted: its processes belong to another user", parts=named),)


def _share(part: int, whole: int) -> float:
    return round(part / max(whole, 1) * 100, 2)
