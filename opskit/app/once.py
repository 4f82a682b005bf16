"""`opskit run --once`: whatever is due now, for cron. The history knows when each check ran last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from opskit.app.asking import sight_of
from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.daily import MorningReport, tidy_if_due
from opskit.app.memory import open_memory
from opskit.app.rounds import note_unusable, round_of, tell_due
from opskit.history.store import HistoryError
from opskit.judge.settle import PATIENCE
from opskit.model.check import Check
from opskit.model.state import State
from opskit.schedule.plan import plans

_EARLY_S = 30.0


def run_once(context: Context, emit: Callable[[str], None]) -> None:
    """Run the checks that are due, tell, and do what is due once a day. Raises DefinitionError."""
    loaded = context.loaded_checks()
    try:
        with closing(open_memory(context)) as store:
            known = store.states()
    except HistoryError:
        known = {}  # each round says what is wrong with it
    waiting = due(list(loaded.good.values()), known, epoch())
    for plan in plans(waiting, lambda check: sight_of(check, context.settings)):
        round_of(context, plan)
    if loaded.broken:
        note_unusable(context)
    # What is wrong with the history stands in cron's own mail: a process that ends at once cannot tell it hourly.
    tell_due(context, patient=False)
    MorningReport(emit).if_due(context)
    tidy_if_due(context)


def due(checks: list[Check], known: Mapping[str, State], now: float) -> list[Check]:
    """Return the checks whose time has come, or will within half a minute: cron is no more punctual than that.

    A result from the future was made by a clock that was wrong.
    """
    return [check for check in checks if check.id not in known or _is_due(check, known[check.id], now)]


def _is_due(check: Check, state: State, now: float) -> bool:
    # Where it was to run more often when it was recorded last, as while its file was broken, that time counts.
    age, every = now - state.at, min(check.every, (state.valid_until - state.at) / PATIENCE)
    return age < 0 or age >= every - min(_EARLY_S, every / 2)
