"""The dead-man's switch: as long as every check comes to its turn a file is written and an address asked for.

Whoever watches one of them (a Nagios `check_file_age`, Healthchecks, an Uptime Kuma push monitor) hears when opskit
itself is gone: then it can send no mail.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import closing
from pathlib import Path

from opskit.app.clock import epoch, now
from opskit.app.context import Context
from opskit.app.memory import open_memory
from opskit.history.store import HistoryError, Store
from opskit.judge.settle import PATIENCE
from opskit.model.message import Message, say
from opskit.probes.answer import failed, without_secrets
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.exchange import Target, exchange

log = logging.getLogger("opskit")
_TIMEOUT_S = 10.0


def overdue(context: Context, store: Store, began: float, at: float) -> list[str]:
    """Return the checks that have not come to their turn since the daemon `began`, by id. Raises HistoryError."""
    known = store.states()
    found = []
    for check in context.checks().values():
        last = max(known[check.id].at if check.id in known else 0.0, began)
        if last <= at and at - last > PATIENCE * check.every:
            found.append(check.id)
    return sorted(found)


def sign_of_life(context: Context, began: float) -> None:
    """Write the file and ask for the address, or say there that not all is well."""
    settings = context.settings.notify
    if settings.heartbeat_file is None and settings.ping_url is None:
        return
    try:
        with closing(open_memory(context)) as store:
            late = overdue(context, store, began, epoch())
    except HistoryError as error:
        late = [context.reader.read(error.message)]
    for trouble in (_written(settings.heartbeat_file, late), _pinged(settings.ping_url, late)):
        if trouble is not None:
            log.warning("%s", context.reader.read(trouble))


def _written(name: str | None, late: list[str]) -> Message | None:
    """Put the file in place as a whole. While a check is overdue the old one stays, and grows old."""
    if name is None or late:
        return None
    path = Path(name)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps({"at": now().isoformat(timespec="seconds"), "pid": os.getpid()}) + "\n")
        beside.replace(path)
    except OSError as error:
        return say("the heartbeat file {path} cannot be written: {why}", path=name, why=error.strerror or str(error))
    return None


def _pinged(url: str | None, late: list[str]) -> Message | None:
    """Ask for the address; with `/fail` behind it, as Healthchecks has it, where checks are overdue."""
    if url is None:
        return None
    target = Target(f"{url.rstrip('/')}/fail", {"overdue": list(late)}) if late else Target(url)
    try:
        asked = without_secrets(exchange(target, Deadline(_TIMEOUT_S)))
    except ProbeError as error:
        return error.reason
    if asked.failure is not None:
        return say("the ping was not heard: {why}", why=failed(asked))
    if not 200 <= (asked.status or 0) < 300:
        return say("the ping was not heard: {url} answers {code}", url=asked.url, code=asked.status or 0)
    return None
