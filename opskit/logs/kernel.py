"""Kernel logs to events: whom the OOM killer ended, what the GPU driver complains of, a full conntrack table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo

from msgspec.structs import replace

from opskit.logs.envelope import Opened, unwrap
from opskit.logs.event import Event
from opskit.model.regex import regex

__all__ = ["Event", "boots", "events"]

_YEAR_S = 364 * 86400.0
_TEXT_LIMIT = 2000
# mm/oom_kill.c: "%s: Killed process %d (%s) total-vm:...", and "oom-kill:constraint=...,task=%s,pid=%d,uid=%d"
_KILLED = regex(r"Killed process (?P<pid>\d{1,10}),? ?(?:UID \d+,? ?)?\((?P<process>.{1,64}?)\)(?= total-vm:|, |$)")
_OOM = regex(r"oom-kill:.{0,2000}\btask=(?P<process>.{1,64}?),pid=(?P<pid>\d{1,10}),uid=")
_XID = regex(r"NVRM: Xid \((?:PCI:)?(?P<device>[0-9A-Fa-f:.]{1,24})[^)]{0,40}\): (?P<xid>\d{1,5})\b")
_OFF_BUS_AT = regex(r"GPU (?:at )?(?:PCI:)?(?P<device>[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2})")
_BOOT = regex(r"(?:^|kernel: )(?:\[ {0,8}0\.\d{1,9}\] )?Linux version \d{1,3}\.")
_XID_OWNER = regex(r"pid=(?P<pid>\d{1,10}), name=(?P<process>[^,]{1,64}),")
_CRASH = regex(
    r"(?:traps: )?(?P<process>[\w./: -]{1,64})\[(?P<pid>\d{1,10})\]:? (?:segfault at|trap |general protection)"
)
_HUNG = regex(r"task (?P<process>.{1,64}?):(?P<pid>\d{1,10}) blocked for more than \d+ seconds")
_NVIDIA = regex(r"NVRM|(?i:nvidia)")
_OFF_BUS = 79
# In a file of syslog everybody may write, and whoever quotes the kernel is not the kernel: `stamp host program[pid]: `.
_PROGRAM = regex(
    r"(?:<\d{1,3}>)?(?:\d{4}-\d\d-\d\d[T ]\S{8,24}|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|[A-Z][a-z]{2} \d{4}-\d\d-\d\d [\d:.]{8,15} \S{3,5}|\d{10}\.\d{3,6})"
    r" [\w.:-]{0,63}[\w.-] (?P<program>[A-Za-z(][\w./@()-]{0,63})(?:\[\d{1,10}\])?: "
)
_KERNEL = {"kernel", "vmunix"}
_CRASHED = ("segfault at", "trap ", "general protection")
# One of these is in every line that makes an event, and taking the envelope off the others is what costs. In JSON a
# text may be written as a list of bytes.
_WORTH_OPENING = regex(
    rb"\{|NVRM|Killed process|oom-kill:|fallen off the bus|table full|blocked for more than|"
    + "|".join(_CRASHED).encode()
)


def events(
    data: bytes, first_line: int, zone: tzinfo, base_at: float | None = None, read_at: float | None = None
) -> Iterator[Event]:
    """Yield the events of `dmesg`, `dmesg -T`, a syslog file or `journalctl -k -o json`, in the order of lines.

    `base_at` is when the machine booted (epoch seconds): it turns `[seconds.micro]` into a time. That or `read_at`,
    when the log was read, gives syslog stamps their year. Without them those have `at=None`. One kill is one event,
    although the kernel writes two lines.
    """
    newest = read_at if read_at is not None or base_at is None else base_at + _YEAR_S
    killed: int | None = None
    for number, raw in enumerate(data.split(b"\n"), first_line):
        if not _WORTH_OPENING.search(raw):
            continue
        text = raw.decode("utf-8", "replace")
        event = _event(unwrap(text, zone, newest), number, base_at)
        if event is None or _is_quoted(text):
            continue
        if event.label == "ram-oom":
            if event.pid == killed:
                continue
            killed = event.pid
        yield event


def boots(data: bytes, zone: tzinfo, read_at: float | None = None) -> Iterator[float]:
    """Yield the times at which the kernel was started, as far as the log holds its first line and a time for it."""
    for raw in data.split(b"\n"):
        if b"Linux version " not in raw:
            continue
        text = raw.decode("utf-8", "replace")
        opened = unwrap(text, zone, read_at)
        if opened.at is not None and not _is_quoted(text) and _BOOT.search(opened.text[:_TEXT_LIMIT]):
            yield opened.at


def _is_quoted(line: str) -> bool:
    """Whether another program than the kernel says it has written the line."""
    match = _PROGRAM.match(line)
    return match is not None and match["program"] not in _KERNEL


def _event(opened: Opened, number: int, base_at: float | None) -> Event | None:
    at = opened.at
    if at is None and opened.uptime_s is not None and base_at is not None:
        at = base_at + opened.uptime_s
    text = opened.text[:_TEXT_LIMIT]
    if match := _KILLED.search(text) or _OOM.search(text):
        return _about(at, "ram-oom", text, number, match)
    if match := _XID.search(text):
        xid = int(match["xid"])
        owner = _XID_OWNER.search(text)
        found = _about(at, "gpu-lost" if xid == _OFF_BUS else "gpu-fault", text, number, owner, xid)
        return replace(found, device=match["device"])
    if "fallen off the bus" in text and _NVIDIA.search(text):
        place = _OFF_BUS_AT.search(text)
        return Event(at, "gpu-lost", text, None, number, device=place["device"] if place else None)
    if "nf_conntrack: table full" in text or "ip_conntrack: table full" in text:
        return Event(at, "conntrack-full", text, None, number)
    if match := _HUNG.search(text):
        return _about(at, "stuck", text, number, match)
    if any(word in text for word in _CRASHED) and (match := _CRASH.search(text)):
        return _about(at, "crash", text, number, match)
    return None


def _about(
    at: float | None, label: str, text: str, number: int, whom: re.Match[str] | None, xid: int | None = None
) -> Event:
    process = whom["process"].strip() if whom else None
    return Event(at, label, text, None, number, process, int(whom["pid"]) if whom else None, xid)
