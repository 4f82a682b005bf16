"""What starts a renewer on this host: systemd timers and cron jobs, found in their files. Read only."""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from opskit.model.regex import regex

TIMERS = ("/etc/systemd/system/*.wants/*.timer",)
CRON = ("/etc/crontab", "/etc/cron.d/*", "/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*",
        "/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/var/spool/cron/tabs/*", "/etc/periodic/daily/*",
        "/etc/crontabs/*")  # fmt: skip
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
WORDS = {
    "certbot": regex(rb"certbot|letsencrypt", re.IGNORECASE),
    "acme.sh": regex(rb"acme\.sh|\bacmesh\b", re.IGNORECASE),
    "lego": regex(rb"\blego\b", re.IGNORECASE),
    "dehydrated": regex(rb"\bdehydrated\b", re.IGNORECASE),
}
"""How a renewer is recognized in a command. Caddy is none of them: it renews by itself while it runs."""
_CAP = 1 << 16
_MOST = 200
_NOT_UNDER_SYSTEMD = b"-d /run/systemd/system"
_SETS_A_NAME = regex(rb"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*=")


def head(path: Path, cap: int = _CAP) -> bytes:
    """The beginning of a regular file; nothing of a pipe or a device, which might keep us waiting."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(cap)


def starters(schedules: Sequence[str], renewer: str) -> tuple[dict[str, bytes], set[str]]:
    """Timers and cron files that start the renewer, with the lines that do; and places that may not be looked at."""
    found, hidden, word = dict[str, bytes](), set[str](), WORDS[renewer]
    for pattern in schedules:
        folder = Path(pattern).parent
        if not glob.has_magic(str(folder)) and _is_closed(folder):
            hidden.add(str(folder))
        for path in _matching(pattern):
            try:
                lines = _timer_lines(Path(path), word) if path.endswith(".timer") else _cron_lines(Path(path), word)
            except OSError:
                hidden.add(path)
                continue
            if lines:
                found[path] = lines
    return found, hidden


def _matching(pattern: str) -> list[str]:
    return sorted(itertools.islice(glob.iglob(pattern), _MOST))  # noqa: PTH207  # pathlib takes no absolute pattern


def _is_closed(folder: Path) -> bool:
    """Whether it is there and may not be listed."""
    try:
        if folder.is_dir():
            next(folder.iterdir(), None)
    except OSError:
        return True
    return False


def _timer_lines(path: Path, word: re.Pattern[bytes]) -> bytes:
    """What a timer that is switched on starts: known by its name, else by the service it belongs to.

    A link of a package that is gone starts nothing, nor does a timer that is masked.
    """
    if not path.exists() or _is_masked(path):
        return b""
    if word.search(path.name.encode("utf-8", "surrogateescape")):
        return path.name.encode("utf-8", "surrogateescape")
    places = [*map(Path, _UNITS), path.resolve().parent]
    services = [place / f"{path.stem}.service" for place in places]
    return b"\n".join(_lines(head(service), word) for service in services).strip()


def _is_masked(path: Path) -> bool:
    """Masking puts a link to /dev/null in the place of the unit, beside the folder of the link that switches it on."""
    try:
        return Path(path.parent.parent / path.name).resolve() == Path("/dev/null")
    except (OSError, RuntimeError):
        return False


def _cron_lines(path: Path, word: re.Pattern[bytes]) -> bytes:
    """Debian's /etc/cron.d/certbot does nothing where systemd runs: there the timer is the one that counts."""
    lines = _lines(head(path), word).splitlines()
    if Path("/run/systemd/system").is_dir():
        lines = [line for line in lines if _NOT_UNDER_SYSTEMD not in line]
    return b"\n".join(lines)


def _lines(data: bytes, word: re.Pattern[bytes]) -> bytes:
    """The lines that name it, without comments and without assignments to a variable such as MAILTO (ExecStart is one
    in form, and the command itself).
    """
    named = [line for line in data.splitlines() if word.search(line) and not line.lstrip().startswith((b"#", b";"))]
    return b"\n".join(line for line in named if line.startswith(b"ExecStart") or not _SETS_A_NAME.match(line))
