"""What certbot knows of its certificates: renewal configurations, what starts it, and how its last run went.

Read from its files, as certbot itself may not be run by others than root: renewal/NAME.conf (certbot
`_internal/storage.py`), the log of its last run (`_internal/log.py`; each run begins a new one) and the places where
distributions put its timer or cron job.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.probes.base import Deadline
from opskit.probes.certificate_evidence import Lineage, Renewal
from opskit.probes.exchange import Failure

_CAP = 1 << 16
_LOG_CAP = 4 << 20
_MOST = 200
_SHOWN = 200
_SETTING = re.compile(r"^\s*(version|renew_before_expiry|autorenew)\s*=\s*(.*?)\s*$", re.MULTILINE)
# certbot/_internal/renewal.py, since 1.12 and before.
_FAILED = re.compile(
    r"(?:Failed to renew certificate (\S+) with error: "
    r"|Attempting to renew cert \((\S+)\) from \S+ produced an unexpected error: )(.*)"
)
_STARTER = re.compile(rb"certbot|letsencrypt", re.IGNORECASE)
_NOT_UNDER_SYSTEMD = b"-d /run/systemd/system"
TIMERS = ("/etc/systemd/system/*.wants/*certbot*.timer", "/etc/systemd/system/*.wants/*letsencrypt*.timer")
CRON = ("/etc/crontab", "/etc/cron.d/*", "/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*",
        "/var/spool/cron/crontabs/*", "/var/spool/cron/root")  # fmt: skip
LOGS = "/var/log/letsencrypt"


def look_after(confs: Iterable[str], schedules: Sequence[str], logs: str, deadline: Deadline) -> Renewal | None:
    """Return what there is to know about these renewal configurations; None where certbot looks after none of them."""
    lineages = [found for conf in sorted(set(confs)) if (found := _lineage(Path(conf))) is not None]
    if not lineages:
        return None
    deadline.enter(say("look for what starts certbot"))
    starters, hidden = _starters(schedules)
    deadline.enter(say("read {path}", path=logs))
    log, ran, failed = _last_run(logs, hidden)
    return Renewal(lineages, starters, sorted(hidden), log, ran, failed)


def _lineage(conf: Path) -> Lineage | None:
    try:
        if not conf.is_file():
            return None
        text = _head(conf).decode("utf-8", "replace")
    except OSError as error:
        return Lineage(conf.stem, str(conf), failure=Failure("file", "open", error.strerror or str(error)))
    given = {name: value.strip("\"'") for name, value in _SETTING.findall(text)}
    automatic = given.get("autorenew", "True").lower() not in {"false", "0", "no", "off"}
    name = conf.name.removesuffix(".conf")
    return Lineage(name, str(conf), given.get("version", "")[:40], given.get("renew_before_expiry", "")[:40], automatic)


def _starters(schedules: Sequence[str]) -> tuple[list[str], set[str]]:
    """The timers and cron files that start certbot, and the places that this user may not look at."""
    found, hidden = list[str](), set[str]()
    for pattern in schedules:
        folder = Path(pattern).parent
        if not glob.has_magic(str(folder)) and folder.is_dir() and not _may_list(folder):
            hidden.add(str(folder))
        for path in sorted(glob.glob(pattern))[:_MOST]:  # noqa: PTH207  # pathlib cannot glob an absolute pattern
            if path.endswith(".timer"):
                found.append(path)
                continue
            try:
                data = _head(Path(path)) if Path(path).is_file() else b""
            except OSError:
                hidden.add(path)
                continue
            if _starts_certbot(data):
                found.append(path)
    return found, hidden


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_CAP)


def _may_list(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def _starts_certbot(data: bytes) -> bool:
    """Debian's /etc/cron.d/certbot does nothing where systemd runs: there the timer is the one that counts."""
    lines = [line for line in data.splitlines() if _STARTER.search(line) and not line.lstrip().startswith(b"#")]
    if Path("/run/systemd/system").is_dir():
        lines = [line for line in lines if _NOT_UNDER_SYSTEMD not in line]
    return bool(lines)


def _last_run(logs: str, hidden: set[str]) -> tuple[str | None, float | None, dict[str, str]]:
    """The newest log, when it was written, and what failed in it by the certificate's name."""
    try:
        if not Path(logs).exists():
            return None, None, {}
        names = [each for each in Path(logs).iterdir() if re.fullmatch(r"letsencrypt\.log(\.\d+)?", each.name)]
        dated = sorted(((each.stat().st_mtime, each) for each in names), reverse=True)
        if not dated:
            return None, None, {}
        ran, newest = dated[0]
        with newest.open("rb") as file:
            file.seek(max(0, newest.stat().st_size - _LOG_CAP))
            text = file.read(_LOG_CAP).decode("utf-8", "replace")
    except OSError:
        hidden.add(logs)
        return None, None, {}
    failed = {one or other: redact(why.strip())[:_SHOWN] for one, other, why in _FAILED.findall(text)}
    return str(newest), ran, failed
