"""One round of the daemon: checks that belong together run and are remembered; and what they confirmed is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from opskit.app.apart import SELDOM_S, ran_apart
from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.memory import Memory, open_memory
from opskit.app.observe import Live
from opskit.app.run_checks import Outcome, record_unusable, run_checks
from opskit.app.submit import submit
from opskit.app.tell import outcome_said, tell
from opskit.history.store import HistoryError
from opskit.model.message import Message
from opskit.schedule.plan import Plan

log = logging.getLogger("opskit")
TELL = "tell"
UNUSABLE_S = 300.0


def round_of(context: Context, plan: Plan, hear: Callable[[Outcome], None] | None = None) -> None:
    """Run the checks of one plan and remember them; `hear` is told of each."""
    with closing(Memory(context)) as memory:
        if memory.news is not None:
            log.info("%s", context.reader.read(memory.news))
        # Monitoring goes on without memory, and says so each time.
        _ran(context, plan, memory, hear)
        try:
            memory.store.heartbeat("run", epoch())
        except HistoryError as error:
            log.warning("%s", context.reader.read(error.message))


def note_unusable(context: Context) -> None:
    """Remember that nobody looks at the checks whose files are broken."""
    try:
        with closing(open_memory(context)) as store:
            record_unusable(context, store, UNUSABLE_S)
    except HistoryError as error:
        log.warning("%s", context.reader.read(error.message))


class Told(NamedTuple):
    """`calm` where nothing is open and nothing waits; `trouble` where the history could not be used to tell."""

    calm: bool
    trouble: Message | None = None


def tell_due(context: Context, *, patient: bool = True) -> Told:
    """Decide about the incidents, and send what is due; where the history cannot be used, say so."""
    try:
        with closing(open_memory(context)) as store:
            for outcome in tell(context, store, patient=patient):
                notice = outcome.notice
                facts = {"channel": notice.channel, "incident": notice.incident, "ending": outcome.ending.value}
                level = logging.WARNING if outcome.error else logging.INFO
                log.log(level, "%s", context.reader.read(outcome_said(outcome)), extra={"opskit": facts})
            store.heartbeat(TELL, epoch())
            return Told(calm=not store.unsettled() and not store.waiting())
    except HistoryError as error:
        log.warning("%s", context.reader.read(error.message))
        return Told(calm=False, trouble=error.message)


def _ran(context: Context, plan: Plan, memory: Memory, hear: Callable[[Outcome], None] | None) -> None:
    apart = ran_apart(context, plan.checks) if plan.every >= SELDOM_S else None
    outcomes = list[Outcome]()
    for outcome in run_checks(context, plan.checks, Live(), memory) if apart is None else apart:
        outcomes.append(outcome)
        if hear is not None:
            hear(outcome)
        if outcome.trouble is not None:
            log.warning("%s", context.reader.read(outcome.trouble))
        verdict = outcome.verdict
        text = context.reader.read(verdict.items[0].text) if verdict.items else ""
        facts = {"check": outcome.check.id, "status": verdict.status.value, "seconds": round(outcome.seconds, 3)}
        log.info("%s %s: %s", verdict.status.name, outcome.check.id, text, extra={"opskit": facts})
    for trouble in submit(context, outcomes):
        log.warning("%s", context.reader.read(trouble))
