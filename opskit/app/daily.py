"""What is due once a local day: the report of yesterday, and the housekeeping of the history."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, time, timedelta

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.app.memory import open_memory, tidy
from opskit.app.watched import note_files
from opskit.history.store import HistoryError, Store
from opskit.model.message import say

log = logging.getLogger("opskit")


class MorningReport:
    """The report of yesterday, made once on each local day whoever asks for it and however often.

    `emit` gets it. The history knows the days on which it was made, so that neither a restart nor a second process
    makes it again; a day that was missed as a whole is not made up.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._made: date | None = None

    def if_due(self, context: Context) -> None:
        """Make it where its time has come and nobody has made it yet."""
        moment = now()
        if self._made == moment.date() or not is_due(moment, context.settings.report.daily_at):
            return
        try:
            with closing(open_memory(context)) as store:
                text = _report(context, store, moment)
        except HistoryError as error:
            log.warning("%s", context.reader.read(error.message))
            return
        self._made = moment.date()
        if text is not None:
            self._emit(text)


def _report(context: Context, store: Store, moment: datetime) -> str | None:
    """Return the report, None where somebody has made it, or history began on this day: then there is none to make."""
    name = f"report {moment.date()}"
    if store.is_done(name) or not _began_earlier(store, moment):
        return None
    # What makes reports is large, and wanted once a day.
    from opskit.app.day import gather
    from opskit.app.report_mail import report_notice
    from opskit.report.daily import daily_text

    day = gather(context, store, moment.date() - timedelta(days=1), moment)
    text = daily_text(day, context.reader)
    channels = tuple(context.settings.notify.channels) if context.settings.report.notify else ()
    notice = report_notice(context, day) if channels else None
    return text if store.first(name, moment.timestamp(), notice, channels) else None


def _began_earlier(store: Store, moment: datetime) -> bool:
    midnight = datetime.combine(moment.date(), time(), tzinfo=moment.tzinfo).timestamp()
    return any(kept.count and kept.first < midnight for kept in store.inventory())


def is_due(moment: datetime, clock: str) -> bool:
    """Return whether a local day has come to a time of day such as 08:00, also one that this day leaves out."""
    hour, minute = clock.split(":")
    return moment.time() >= time(int(hour), int(minute))


def retire(context: Context, store: Store) -> None:
    """Let no incident wait for a check that has no definition any more, and that nobody has run for long.

    Raises HistoryError.
    """
    loaded, at = context.anew().loaded_checks(), now().timestamp()  # others may run what this process has not read
    stale = {name for name, state in store.states().items() if state.valid_until < at}
    gone = stale - {*loaded.good, *loaded.broken}
    if gone and loaded.good and not loaded.elsewhere:  # a folder that cannot be read says nothing about what is in it
        store.retire(sorted(gone), at)


def tidy_if_due(context: Context) -> None:
    """Roll up and forget what is old, where a day has gone by since the last time."""
    try:
        with closing(open_memory(context)) as store:
            gone = tidy(context, store)
            changed = note_files(context, store)
            retire(context, store)
    except HistoryError as error:
        log.warning("%s", context.reader.read(error.message))
        return
    for path in changed:
        log.info("%s", context.reader.read(say("changed since the last look: {path}", path=path)))
    if gone:
        text = say("old rows of the history that were rolled up or forgotten: {n}", n=gone)
        log.info("%s", context.reader.read(text))
