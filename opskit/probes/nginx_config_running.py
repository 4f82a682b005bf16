"""When the running Nginx read its configuration: the start of its master, or that of its workers after a reload.

A reload leaves the master as it is and starts all workers anew; the old ones then call themselves `shutting down`.
One worker alone is also started anew after a crash, so the oldest of those in service counts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from opskit.model.regex import regex
from opskit.probes.nginx_config_evidence import Running

_MASTER = "nginx: master process"
_WORKER = "nginx: worker process"
_STARTED = 19
_CONF = regex(r"\s-c\s+(\S+)")
_OF_CONTAINERS = regex(r"docker|kubepods|libpod|containerd|lxc|machine\.slice")
_USUAL = ("/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/usr/local/etc/nginx/nginx.conf")
_PID_FILES = ("/run/nginx.pid", "/var/run/nginx.pid")


def running(conf: str, pid_file: str | None) -> tuple[Running | None, str]:
    """Return the Nginx with this configuration, or why none is told from the others.

    The pid file that the configuration names is the surest; without it, the `-c` of a master's title.
    """
    masters = {each.pid: (each, title) for each in psutil.process_iter() if (title := _title(each)).startswith(_MASTER)}
    if not masters:
        return None, "no process is called 'nginx: master process'"
    pid = _pid_of(pid_file, conf)
    if pid in masters:
        return _told(masters[pid][0])
    mine = [each for each, title in masters.values() if _fits(title, conf) and not _is_contained(each.pid)]
    if len(mine) != 1:
        return None, "no running Nginx is known to have read this file"
    return _told(mine[0])


def _told(master: psutil.Process) -> tuple[Running | None, str]:
    try:
        workers = [_start(each) for each in master.children() if _title(each) == _WORKER]
        start = _start(master)
    except (psutil.Error, OSError, ValueError, IndexError):
        return None, "the process has just ended"
    return Running(master.pid, max(start, min(workers, default=start))), ""


def _start(process: psutil.Process) -> float:
    """Seconds of the epoch, to a hundredth: psutil adds the time of the boot, which the kernel tells in whole seconds.

    The 22nd field of proc_pid_stat(5), in ticks since the boot; the name before it may hold blanks and brackets.
    """
    fields = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    since_boot = int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip() if process.name().startswith("nginx") else ""
    except (psutil.Error, OSError):
        return ""


def _fits(title: str, conf: str) -> bool:
    named = _CONF.search(title)
    return _same(named[1], conf) if named else conf in _USUAL


def _same(one: str, other: str) -> bool:
    try:
        return Path(one).resolve() == Path(other).resolve()
    except (OSError, RuntimeError, ValueError):
        return one == other


def _pid_of(pid_file: str | None, conf: str) -> int | None:
    files = [pid_file] if pid_file else [*_PID_FILES] if conf in _USUAL else []
    for path in files:
        try:
            if Path(path).is_file():
                with Path(path).open("rb") as file:
                    return int(file.read(32))
        except (OSError, ValueError):
            continue
    return None


def _is_contained(pid: int) -> bool:
    """Whether a process is a container's and this one is not: then its files are not those of this host."""
    return bool(_OF_CONTAINERS.search(_group(str(pid)))) and not _OF_CONTAINERS.search(_group("self"))


def _group(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace")
    except OSError:
        return ""
