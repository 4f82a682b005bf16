"""What the kernel logs when it kills the model server or loses a GPU, as `journalctl -k` shows it.

Messages after mm/oom_kill.c of Linux 5.15 and 6.x and NVIDIA's Xid documentation (NVRM lines as in driver 550
and later). `short_iso` and `as_json` give the two forms of the journal that tools read.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

_PCI = "0000:17:00"
_BOOT = "6f1c9a54c1f34d8e9f0b7a3f5f8e2d10"


def oom_kill(process: str = "llama-server", pid: int = 2417, rss_mib: int = 58_200) -> list[str]:
    """The OOM killer takes a process because the host's memory is full: the decisive message is the last but one."""
    rss = rss_mib * 1024
    where = "constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=ollama.service,mems_allowed=0"
    killed = f"Killed process {pid} ({process}) total-vm:{rss + 9_412_308}kB, anon-rss:{rss}kB, file-rss:1284kB"
    return [
        "ollama invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0",
        "Mem-Info:",
        "active_anon:1212 inactive_anon:15934201 isolated_anon:0 free:83390 free_pcp:121 free_cma:0",
        f"oom-kill:{where},global_oom,task_memcg=/system.slice/ollama.service,task={process},pid={pid},uid=997",
        f"Out of memory: {killed}, shmem-rss:0kB, UID:997 pgtables:118244kB oom_score_adj:0",
        f"oom_reaper: reaped process {pid} ({process}), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
    ]


def boot(time: datetime) -> str:
    """What every kernel with an NVIDIA card says when it starts."""
    messages = [
        "Linux version 5.15.0-91-generic (buildd@host) #101-Ubuntu SMP",
        "Memory: 65752188K/67053628K available (16393K kernel code, 4379K rwdata)",
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05",
    ]
    return short_iso(time, messages)


def xid_79(pci: str = _PCI) -> list[str]:
    """The card fell off the bus: older drivers number it, newer ones add or only print the sentence."""
    return [
        f"NVRM: GPU at PCI:{pci}: GPU-00000000-5a11-4c0d-9e57-00000000a100",
        f"NVRM: Xid (PCI:{pci}): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        f"NVRM: GPU {pci}.0: GPU has fallen off the bus.",
    ]


def xid_13(pci: str = _PCI, pid: int = 2417, process: str = "llama-server") -> list[str]:
    """A program made the graphics engine fail: the application's fault as a rule, the card goes on."""
    head = f"NVRM: Xid (PCI:{pci}): 13, pid={pid}, name={process}, "
    return [
        head + "Graphics SM Warp Exception on (GPC 2, TPC 1, SM 0): Out Of Range Address",
        head + "Graphics Exception: ESR 0x514e48=0x7000e 0x514e50=0x0 0x514e44=0xd3eff2 0x514e4c=0x17f",
    ]


def xid_62(pci: str = _PCI) -> list[str]:
    """The card's own controller halted: nothing computes on it any more until it is reset."""
    return [f"NVRM: Xid (PCI:{pci}): 62, pid='<unknown>', name=<unknown>, 2027a5b8 00008f4c 00000000 20264e3c"]


def short_iso(time: datetime, messages: list[str], host: str = "chat1") -> str:
    """`journalctl -k -o short-iso`: a zone without a colon, as systemd 249 of Ubuntu 22.04 writes it."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return "".join(f"{stamp} {host} kernel: {message}\n" for message in messages)


def as_json(time: datetime, messages: list[str], host: str = "chat1", uptime: float = 86_400.0) -> str:
    """`journalctl -k -o json`: one object per line, all values strings, times in microseconds."""
    lines = []
    for number, message in enumerate(messages):
        moment = time + timedelta(microseconds=number)
        micros = round(moment.timestamp() * 1e6)
        entry = {
            "__CURSOR": f"s=0;i={number:x};b={_BOOT};m={micros:x}",
            "__REALTIME_TIMESTAMP": str(micros),
            "__MONOTONIC_TIMESTAMP": str(round(uptime * 1e6) + number),
            "_BOOT_ID": _BOOT,
            "_HOSTNAME": host,
            "_TRANSPORT": "kernel",
            "PRIORITY": "3",
            "SYSLOG_FACILITY": "0",
            "SYSLOG_IDENTIFIER": "kernel",
            "MESSAGE": message,
        }
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    return "".join(lines)
