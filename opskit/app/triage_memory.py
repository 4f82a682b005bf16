"""Diagnoses and the history: kept when they are made, amended when something was done, told again on demand."""

from __future__ import annotations

from contextlib import closing

import msgspec

from opskit.app.context import Context
from opskit.app.memory import open_memory
from opskit.history.codec import packed, unpacked
from opskit.history.records import KeptTriage
from opskit.history.store import HistoryError
from opskit.model.message import Message, say
from opskit.report.told import Told, slim


class TriageMemory:
    """The row of one diagnosis. What keeps it from being written spoils nothing: `keep` returns the reason, once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._number: int | None = None
        self._gave_up = False

    def keep(self, told: Told) -> Message | None:
        """Write the row, or write it anew."""
        if self._gave_up:
            return None
        try:
            # Opened anew each time: between two commands a person may think for hours.
            with closing(open_memory(self._context)) as store:
                if self._number is None:
                    self._number = store.keep_triage(kept_of(told))
                else:
                    store.amend_triage(self._number, kept_of(told))
        except HistoryError as error:
            self._gave_up = True
            return say("this diagnosis is not kept in the history: {why}", why=error.message)
        return None


def kept_of(told: Told) -> KeptTriage:
    """Return a diagnosis as the history takes it."""
    found = told.diagnosis
    return KeptTriage(
        at=told.at,
        playbook=found.playbook,
        outcome=found.outcome,
        code=found.finding.cause.code if found.finding else None,
        certainty=found.finding.certainty if found.finding else None,
        also_seen=tuple(finding.cause.code for finding in found.also_seen),
        seconds=told.seconds,
        exit_code=told.exit_code,
        told=packed(slim(told)),
    )


def last_told(context: Context, playbook: str | None) -> Told:
    """Return the diagnosis that was kept last. Raises HistoryError, also where there is none."""
    with closing(open_memory(context)) as store:
        kept = store.last_triage(playbook)
    if kept is None:
        raise HistoryError(say("no diagnosis is kept yet: run opskit triage"))
    try:
        return unpacked(kept.told, Told)
    except (ValueError, msgspec.ValidationError) as error:
        raise HistoryError(say("the diagnosis that was kept last cannot be read: {error}", error=str(error))) from None
