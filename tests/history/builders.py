"""Small values for the tests of history and notify: a check that ran and what it came to."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from opskit.history.incident import Decided, Kin, NewNotice, Said, StoredNotice
from opskit.history.store import Store
from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict

CHECK = "gpu-temperature"
SUMMARY = "No GPU runs too hot"


def make_verdict(at: float, status: Status = Status.OK, check: str = CHECK, samples: int = 3) -> Verdict:
    """A verdict with one item, and one sample per GPU."""
    item = Item(status, say("GPU {gpu} is at {value} C", gpu="0", value=41.5), warn="80", crit="85")
    measured = tuple(Sample("temperature_c", 40.0 + gpu, "c", {"gpu": str(gpu)}, at) for gpu in range(samples))
    return Verdict(check, status, (item,), at, measured)


def make_state(at: float, status: Status = Status.OK, check: str = CHECK) -> State:
    """A confirmed state."""
    return State(check, status, status, at, at, at + 60, (Status.OK, status))


def run(
    store: Store,
    at: float,
    status: Status,
    before: Status | None,
    check: str = CHECK,
    kin: Collection[str] = (),
    within: float = 3600.0,
    flapping: float | None = None,
) -> None:
    """Record a run that flips the state from `before` to `status` where they differ."""
    flip = None if before is status else Flip(check, before, status, at, SUMMARY)
    state = msgspec.structs.replace(make_state(at, status, check), flapping_since=flapping)
    store.record(make_verdict(at, status, check), state, flip, 0.25, Kin(frozenset(kin), within))


def told(
    store: Store, at: float, incident: int = 1, status: Status | None = None, kind: str = "problem"
) -> StoredNotice:
    """Tell an incident as it stands by mail; return the notice, which waits to be sent."""
    found = store.incident(incident)
    assert found is not None
    said = Said(status or found.status, tuple(member.check for member in found.members), at, found.said.count + 1)
    notice = NewNotice(kind, "{}")
    assert store.decide(found, Decided(at, "send", kind), said, notice, ["email"])
    return store.incident_notices(incident)[-1]
