"""`opskit run`: the checks on their schedules, the mails that follow, the report every morning.

APScheduler 3.11 with its traps closed: late runs are made up once instead of being dropped after one second
(misfire_grace_time, coalesce), and a check that still runs is not started again (max_instances). What is due once a
local day is asked for every minute instead of being scheduled: so it is done once also where a clock is changed, and
made up where nobody was awake at its time.
"""

from __future__ import annotations

import logging
import queue
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING

from opskit.app.alive import sign_of_life
from opskit.app.apart import SELDOM_S
from opskit.app.asking import sight_of
from opskit.app.clock import epoch, now
from opskit.app.context import Context
from opskit.app.daily import MorningReport, tidy_if_due
from opskit.app.outcry import Outcry
from opskit.app.rounds import UNUSABLE_S, note_unusable, round_of, tell_due
from opskit.app.run_checks import Outcome
from opskit.app.systemd import Systemd
from opskit.app.vigil import Vigil
from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError, Problem
from opskit.schedule.plan import DEFAULTS, plans

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

    from opskit.model.check import Check

log = logging.getLogger("opskit")
_REPORT_S = 60.0
_TIDY_S = 3600.0
_TELL_S = 5.0
_MEASURED_S = 25.0  # every check runs within the first twenty seconds, see schedule.plan
_SIGN_S = 60.0
_CLOCK_S, _STEP_S = 5.0, 10.0
_OVER, _RELOAD, _CLOCK = "over", "reload", "clock"


class Daemon:
    """The schedules of one configuration, until SIGHUP asks for a new one.

    `load` returns configuration and definitions, or raises DefinitionError: before the start that ends everything,
    later the old ones stay in force. `emit` gets each morning's report.
    """

    def __init__(self, load: Callable[[], Context], emit: Callable[[str], None]) -> None:
        self._load = load
        self._report = MorningReport(emit)
        self._context = load()
        self._outcry = Outcry()
        self._vigil = Vigil()
        self._ahead = _ahead()
        self._systemd = Systemd.of_environment()
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()

    def run(self, stop_after: float | None = None) -> None:
        """Run until SIGTERM or SIGINT, or for `stop_after` seconds; what is under way is finished first."""
        from apscheduler.schedulers.background import BackgroundScheduler

        for number, word in ((signal.SIGTERM, _OVER), (signal.SIGINT, _OVER), (signal.SIGHUP, _RELOAD)):
            signal.signal(number, self._asking(word))
        scheduler = BackgroundScheduler(timezone=self._context.reader.zone, job_defaults=DEFAULTS)
        count = self._schedule(scheduler)
        scheduler.start()
        self._say(logging.INFO, say("started: {n} checks", n=count))
        self._systemd.ready(self._status(count))
        ends = None if stop_after is None else time.monotonic() + stop_after
        while (asked := self._next(ends)) != _OVER:
            if asked == _RELOAD:
                self._reload(scheduler)
            else:
                self._start_anew(scheduler)
        self._systemd.stopping()
        scheduler.shutdown(wait=True)
        self._say(logging.INFO, say("stopped"))

    def _asking(self, word: str) -> Callable[[int, FrameType | None], None]:
        def ask(_number: int, _frame: FrameType | None) -> None:
            self._asked.put(word)

        return ask

    def _next(self, ends: float | None) -> str:
        """Return what is asked for next: a signal's word, that the clock was set, or that the time is over."""
        while ends is None or time.monotonic() < ends:
            moved = _ahead() - self._ahead
            if abs(moved) > _STEP_S:
                text = say("the clock was set by {seconds} s, or this host was asleep", seconds=round(moved))
                self._say(logging.WARNING, text)
                return _CLOCK
            left = _CLOCK_S if ends is None else min(_CLOCK_S, ends - time.monotonic())
            with suppress(queue.Empty):
                return self._asked.get(timeout=max(0.0, left))
        return _OVER

    def _schedule(self, scheduler: BackgroundScheduler) -> int:
        """Put every job in; return how many checks there are."""
        # Before anything else: a clock that is set while the jobs are put in counts as set after it.
        self._ahead = _ahead()
        context, began = self._context, epoch()
        loaded = context.loaded_checks()
        self._outcry.watch(loaded.good)
        self._name(logging.WARNING, loaded.problems)
        for plan in plans(loaded.good.values(), self._sight_of):
            first, name = now() + timedelta(seconds=plan.delay), " ".join(plan.ids)
            work = [context, plan, self._heard]
            scheduler.add_job(round_of, "interval", work, seconds=plan.every, next_run_time=first, id=name)
        report, at_once = self._report.if_due, now()
        if loaded.broken:
            scheduler.add_job(
                note_unusable, "interval", [context], seconds=UNUSABLE_S, next_run_time=at_once, id="unusable"
            )
        scheduler.add_job(report, "interval", [context], seconds=_REPORT_S, next_run_time=at_once, id="report daily")
        scheduler.add_job(tidy_if_due, "interval", [context], seconds=_TIDY_S, next_run_time=at_once, id="tidy")
        scheduler.add_job(
            sign_of_life, "interval", [context, began], seconds=_SIGN_S, next_run_time=at_once, id="alive"
        )
        # What is told after a start was measured after it: nobody hears at noon of what had ended at ten.
        after = at_once + timedelta(seconds=_MEASURED_S)
        scheduler.add_job(self._tell, "interval", [context], seconds=_TELL_S, next_run_time=after, id="tell")
        if self._systemd.patience_s is not None:
            # It stands in the same queue as the checks: where no worker is free any more, nobody says that all is well.
            seconds = self._systemd.patience_s / 3
            scheduler.add_job(self._systemd.alive, "interval", seconds=seconds, next_run_time=now(), id="watchdog")
        return len(loaded.good)

    def _heard(self, outcome: Outcome) -> None:
        self._outcry.measured(outcome)
        self._vigil.measured(outcome)

    def _tell(self, context: Context) -> None:
        if self._vigil.is_due():
            told = tell_due(context)
            self._vigil.looked(calm=told.calm)
            self._outcry.tried(told.trouble)
        self._outcry.speak(context)

    def _sight_of(self, check: Check) -> str:
        """Of what is seldom looked at, and then in a process of its own, nothing is loaded here."""
        return check.id if check.every >= SELDOM_S else sight_of(check, self._context.settings)

    def _start_anew(self, scheduler: BackgroundScheduler) -> None:
        """Begin all intervals again: what was due at a time of the old clock may be hours away on the new one."""
        scheduler.remove_all_jobs()
        self._schedule(scheduler)

    def _reload(self, scheduler: BackgroundScheduler) -> None:
        """Take the new configuration, or say what is wrong with it and go on with the old one."""
        self._systemd.reloading()
        try:
            found = self._sound()
        except DefinitionError as error:
            self._name(logging.ERROR, error.problems)
            self._say(logging.ERROR, say("the new configuration is not used: the old one stays in force"))
        else:
            self._context = found
            scheduler.remove_all_jobs()
            count = self._schedule(scheduler)
            self._say(logging.INFO, say("configuration and definitions were read again: {n} checks", n=count))
        self._systemd.ready(self._status(len(self._context.checks())))

    def _sound(self) -> Context:
        """Load a configuration of which nothing is wrong. Raises DefinitionError."""
        found = self._load()
        if problems := found.loaded_checks().problems:
            raise DefinitionError(list(problems))
        return found

    def _status(self, count: int) -> str:
        return self._context.reader.read(say("{n} checks on their schedules", n=count))

    def _name(self, level: int, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.log(level, "%s", problem.render(self._context.reader.translate, self._context.reader.lang))

    def _say(self, level: int, message: Message) -> None:
        log.log(level, "%s", self._context.reader.read(message))


def _ahead() -> float:
    """Return how far the clock is ahead of one that nobody sets: where that changes, somebody has set it."""
    return epoch() - time.monotonic()
