"""What certbot knows of its certificates: renewal configurations, what starts it, and how its last run went.

Read from its files, as certbot itself may not be run by others than root: renewal/NAME.conf (certbot
`_internal/storage.py`), the log of its last run (`_internal/log.py`; each run begins a new one) and the places where
distributions put its timer or cron job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.model.regex import regex
from opskit.probes.base import Deadline
from opskit.probes.certificate_evidence import Lineage, Renewal
from opskit.probes.exchange_evidence import Failure
from opskit.probes.starters import head, starters

_LOG_CAP = 4 << 20
_SHOWN = 200
_SETTING = regex(r"^[ \t]*(version|renew_before_expiry|autorenew)[ \t]*=(.*)$", re.MULTILINE)
# certbot/_internal/renewal.py, since 1.12 and before.
_FAILED = regex(
    r"(?:Failed to renew certificate (\S+) with error: "
    r"|Attempting to renew cert \((\S+)\) from \S+ produced an unexpected error: )(.*)"
)
LOGS = "/var/log/letsencrypt"


def look_after(confs: Iterable[str], schedules: Sequence[str], logs: str, deadline: Deadline) -> Renewal | None:
    """Return what there is to know about these renewal configurations; None where certbot looks after none of them."""
    lineages = [found for conf in sorted(set(confs)) if (found := _lineage(Path(conf))) is not None]
    if not lineages:
        return None
    deadline.enter(say("look for what starts certbot"))
    started, hidden = starters(schedules, "certbot")
    deadline.enter(say("read {path}", path=logs))
    log, ran, failed = _last_run(logs, hidden)
    return Renewal(lineages, sorted(started), sorted(hidden), log, ran, failed)


def _lineage(conf: Path) -> Lineage | None:
    try:
        if not conf.is_file():
            return None
        text = head(conf).decode("utf-8", "replace")
    except OSError as error:
        return Lineage(conf.stem, str(conf), failure=Failure("file", "open", error.strerror or str(error)))
    # A comment may stand behind a value (ConfigObj).
    given = {name: value.partition(" #")[0].strip().strip("\"'") for name, value in _SETTING.findall(text)}
    automatic = given.get("autorenew", "True").lower() not in {"false", "0", "no", "off"}
    name = conf.name.removesuffix(".conf")
    return Lineage(name, str(conf), given.get("version", "")[:40], given.get("renew_before_expiry", "")[:40], automatic)


def _last_run(logs: str, hidden: set[str]) -> tuple[str | None, float | None, dict[str, str]]:
    """The newest log, when it was written, and what failed in it by the certificate's name."""
    try:
        if not Path(logs).exists():
            return None, None, {}
        names = [each for each in Path(logs).iterdir() if re.fullmatch(r"letsencrypt\.log(\.\d+)?", each.name)]
        # A pipe of that name would keep us waiting; a link that leads nowhere is no log.
        dated = sorted(((each.stat().st_mtime, each) for each in names if each.is_file()), reverse=True)
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
