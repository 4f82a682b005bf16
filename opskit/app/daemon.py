"""`opskit run`: the checks on their schedules, the mails that follow, the report every morning.

APScheduler 3.11 with its traps closed: late runs are made up once instead of being dropped after one second
(misfire_grace_time, coalesce), and a check that still runs is not started again (max_instances).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from types import FrameType

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.app.day import gather
from opskit.app.memory import Memory, open_memory, tidy
from opskit.app.observe import Live
from opskit.app.run_checks import Outcome, run_checks
from opskit.app.submit import submit
from opskit.app.tell import tell
from opskit.history.store import HistoryError
from opskit.model.check import Check
from opskit.model.message import say
from opskit.report.daily import daily_text
from opskit.schedule.plan import DEFAULTS, Plan, plans

log = logging.getLogger("opskit")


def run(context: Context, emit: Callable[[str], None], stop_after: float | None = None) -> None:
    """Run until SIGTERM or SIGINT, or for `stop_after` seconds. `emit` gets each morning's report.

    Raises DefinitionError before anything starts.
    """
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.cron import CronTrigger

    loaded = context.loaded_checks()
    for problem in loaded.problems:
        log.warning("%s", problem.render(context.reader.translate, context.reader.lang))
    checks = list(loaded.good.values())
    scheduler = BackgroundScheduler(timezone=context.reader.zone, job_defaults=DEFAULTS)
    for plan in plans(checks):
        first = now() + timedelta(seconds=plan.delay)
        scheduler.add_job(
            _round, "interval", [context, plan], seconds=plan.every, next_run_time=first, id=" ".join(plan.ids)
        )
    hour, minute = context.settings.report.daily_at.split(":")
    at = CronTrigger(hour=int(hour), minute=int(minute), timezone=context.reader.zone)
    scheduler.add_job(_report, at, [context, emit], id="report daily")
    scheduler.add_job(_tidy, "interval", [context], hours=1, id="tidy")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _setter(over))
    scheduler.start()
    log.info("%s", context.reader.read(say("started: {n} checks", n=len(checks))))
    over.wait(stop_after)
    scheduler.shutdown(wait=True)
    log.info("%s", context.reader.read(say("stopped")))


def _setter(over: threading.Event) -> Callable[[int, FrameType | None], None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set()

    return stop


def _round(context: Context, plan: Plan) -> None:
    """Run the checks of one plan, remember them, tell what they confirmed."""
    with closing(Memory(context)) as memory:
        if memory.news is not None:
            log.info("%s", context.reader.read(memory.news))
        # Monitoring goes on without memory, and says so each time.
        _log_outcomes(context, plan.checks, memory)
        try:
            memory.store.heartbeat("run", now().timestamp())
            for outcome in tell(context, memory.store):
                log.info("mail %s: %s %s", outcome.ending.value, outcome.flip.check, outcome.error)
        except HistoryError as error:
            log.warning("%s", context.reader.read(error.message))


def _log_outcomes(context: Context, checks: Sequence[Check], memory: Memory) -> None:
    outcomes = list[Outcome]()
    for outcome in run_checks(context, checks, Live(), memory):
        outcomes.append(outcome)
        if outcome.trouble is not None:
            log.warning("%s", context.reader.read(outcome.trouble))
        text = context.reader.read(outcome.verdict.items[0].text) if outcome.verdict.items else ""
        log.info("%s %s: %s", outcome.verdict.status.name, outcome.check.id, text)
    for trouble in submit(context, outcomes):
        log.warning("%s", context.reader.read(trouble))


def _tidy(context: Context) -> None:
    """Roll up and forget what is old, where a day has gone by since the last time."""
    try:
        with closing(open_memory(context)) as store:
            gone = tidy(context, store)
    except HistoryError as error:
        log.warning("%s", context.reader.read(error.message))
        return
    if gone:
        log.info(
            "%s", context.reader.read(say("old rows of the history that were rolled up or forgotten: {n}", n=gone))
        )


def _report(context: Context, emit: Callable[[str], None]) -> None:
    """Yesterday's report, made in the morning."""
    moment: datetime = now()
    try:
        store = open_memory(context)
    except HistoryError as error:
        log.warning("%s", context.reader.read(error.message))
        return
    try:
        emit(daily_text(gather(context, store, moment.date() - timedelta(days=1), moment), context.reader))
    finally:
        store.close()
