"""Brings runs that waited in the spool into the history, as if they were judged when they were measured."""

from __future__ import annotations

from opskit.app.context import Context
from opskit.app.kinship import kin_of
from opskit.history.incident import Kin
from opskit.history.spool import Spool, Spooled
from opskit.history.store import Store
from opskit.judge.hysteresis import held
from opskit.judge.settle import settle
from opskit.model.message import Message, say


def bring_in(context: Context, store: Store, spool: Spool) -> Message | None:
    """Empty the spool; return what there is to say about it. Raises HistoryError, and then the runs go on waiting.

    A run that is older than what the history knows of its check adds numbers and changes no state: what came and went
    meanwhile is over.
    """
    checks = context.anew().checks()  # other processes may know more of them than a daemon that began long ago

    def take(run: Spooled) -> None:
        verdict, state, flip = run.verdict, None, None
        before, check = store.state(verdict.check), checks.get(verdict.check)
        if check is not None and (before is None or verdict.at > before.at):
            verdict = held(check, verdict, store.newest(check.id))
            state, flip = settle(check, before, verdict, context.reader.read(check.summary))
        kin = kin_of(context, check) if flip is not None and check is not None else Kin()
        store.record(verdict, state, flip, run.seconds, kin)

    taken, broken = spool.empty_into(take)
    text = say("runs that had waited and are in the history now: {n}", n=taken)
    if broken:
        return say("{text}; that could not be read: {m}", text=text, m=broken)
    return text if taken else None
