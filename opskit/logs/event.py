"""Something that a log of the model server or of the kernel tells and that may matter. Probes select from these."""

from __future__ import annotations

import msgspec

from opskit.logs.request import Request


class Event(msgspec.Struct, frozen=True):
    """One line with a meaning.

    `at` is in epoch seconds, None where no time could be told; `label` is one of `labels`, or `conntrack-full`;
    `text` is the line without envelope and secrets; `request` is set for access lines; `line` is the line number;
    `process` and `pid` name whom the kernel killed or blamed; `xid` is NVIDIA's error number, and
    `device` the PCI address that it is about.
    """

    at: float | None
    label: str
    text: str
    request: Request | None
    line: int
    process: str | None = None
    pid: int | None = None
    xid: int | None = None
    device: str | None = None
