"""A process that lives as `opskit run` does, a thousand times as fast: checks come and go, what is due is told.

    python -m tests.app.teller HISTORY PORT SEED [drain]

Time is what the wall clock has advanced since a moment in the past, times SPEED: a process that follows a killed one
goes on from where that was. With `drain` every check is well, and it ends when nothing is left to send.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from opskit.app.announce import Announcer
from opskit.app.context import Context
from opskit.app.kinship import kin_of
from opskit.app.tell import channels_of
from opskit.history.incident import Kin
from opskit.history.sqlite import SqliteStore, open_store
from opskit.judge.settle import settle
from opskit.model.check import Check, Sustain
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.settings import EmailSettings, NotifySettings, Settings
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict
from opskit.notify.deliver import deliver

SPEED = 1000.0
_BEGAN = 1_790_000_000.0
_PATIENCE_S = 0.3
_ALONE = 20
_CHANGES, _FLAPS = 0.1, 0.5


def now() -> float:
    """The present of the simulation."""
    return _BEGAN + (time.time() - _BEGAN) % 10_000_000 * SPEED


def context_for(port: int) -> Context:
    email = EmailSettings(
        ("ops@example.com",), "opskit@example.com", "127.0.0.1", port, tls="none", timeout=_PATIENCE_S
    )
    return Context(Settings(notify=NotifySettings(email=email, triage=False, per_hour=1000)), Reader(UTC))


def checks_of(context: Context) -> list[Check]:
    """The shipped ones, which join each other's incidents, and some that stand on nothing."""
    shipped = [msgspec.structs.replace(check, sustain=Sustain(1, 1)) for check in context.checks().values()]
    alone = msgspec.structs.replace(shipped[0], depends_on=())
    return [*shipped, *(msgspec.structs.replace(alone, id=f"site-{number:02}") for number in range(_ALONE))]


def next_of(store: SqliteStore, check: Check, chance: random.Random) -> Status:
    """What a check says next: some flap, and are told seldom; the others say mostly what they said before."""
    known = store.state(check.id)
    was_bad = known is not None and known.hard is Status.CRITICAL
    changes = _FLAPS if check.depends_on else _CHANGES
    return Status.CRITICAL if was_bad is (chance.random() > changes) else Status.OK


def record(context: Context, store: SqliteStore, check: Check, status: Status) -> None:
    """One run of a check."""
    at = now()
    verdict = Verdict(check.id, status, (Item(status, say("measured")),), at)
    state, flip = settle(check, store.state(check.id), verdict, check.id)
    store.record(verdict, state, flip, 0.1, kin_of(context, check) if flip else Kin())


def tell(context: Context, store: SqliteStore) -> None:
    at = now()
    Announcer(context, store, datetime.fromtimestamp(at, UTC), patient=True).announce()
    deliver(store, channels_of(context), at, context.reader)


def main(path: Path, port: int, seed: int, drain: bool) -> None:
    context, chance = context_for(port), random.Random(seed)
    checks = checks_of(context)
    with open_store(path, now()) as store:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not drain:
            for check in chance.sample(checks, 3):
                record(context, store, check, next_of(store, check, chance))
            tell(context, store)
        ends = time.monotonic() + 120
        while store.unsettled() or store.waiting():
            for check in checks:
                record(context, store, check, Status.OK)
            tell(context, store)
            if time.monotonic() > ends:
                sys.exit(f"{len(store.unsettled())} incidents and {store.waiting()} notices are left")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "drain" in sys.argv[4:])
