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
from opskit.app.rounds import TELL
from opskit.history.store import HistoryError, Store
from opskit.judge.settle import PATIENCE
from opskit.model.message import Message, say
from opskit.probes.answer import failed, without_secrets
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.exchange import Target, exchange

log = logging.getLogger("opskit")
_TIMEOUT_S = 10.0
_TOLD_S = 600.0  # longer than any round of telling


def overdue(context: Context, store: Store, began: float, at: float) -> list[str]:
    """Return what has not come to its turn since the daemon `began`: checks by id, and who tells. Raises HistoryError.

    A check whose definition cannot be used does not come to its turn at all.
    """
    known, loaded = store.states(), context.loaded_checks()
    found = [*loaded.broken]
    told = max(store.heartbeats().get(TELL, 0.0), began)
    if told <= at and at - told > _TOLD_S:
        found.append(TELL)
    for check in loaded.good.values():
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
