"""The diagnosis of an incident: made once, when it is told first or has become worse, and kept with it."""

from __future__ import annotations

import msgspec

from opskit.app.context import Context
from opskit.app.observe import Live
from opskit.app.run_triage import run_triage
from opskit.app.triage_memory import kept_of
from opskit.app.triage_told import told_of
from opskit.history.codec import unpacked
from opskit.history.store import Store
from opskit.model.message import say
from opskit.model.problem import DefinitionError
from opskit.notify.moment import Reason
from opskit.notify.wording import Diagnosed, Story
from opskit.report.told import Told
from opskit.report.told_mail import told_facts, told_lines

_MADE = frozenset({Reason.PROBLEM, Reason.WORSE, Reason.NOT_KNOWING})
_SHOWN = frozenset({Reason.MORE, Reason.HOLD_OVER, Reason.REMINDER, Reason.STEADY})


def diagnosed(context: Context, store: Store, story: Story) -> Story:
    """Return the story with what the playbook of its nearest check finds now, or has found before.

    A playbook that cannot be used keeps no notice back: the notice says so. Raises HistoryError.
    """
    if story.reason in _MADE and context.settings.notify.triage:
        return msgspec.structs.replace(story, diagnosed=_made(context, store, story))
    if story.reason in _SHOWN and story.incident.triage is not None:
        return msgspec.structs.replace(story, diagnosed=_found(context, store, story.incident.triage))
    return story


def _made(context: Context, store: Store, story: Story) -> Diagnosed | None:
    check = context.checks().get(story.nearest.check)
    if check is None or check.playbook is None:
        return None
    try:
        told = told_of(run_triage(context, check.playbook, Live()), "")
    except DefinitionError as error:
        text = say("no diagnosis: {why}", why=error.problems[0].placed())
        return Diagnosed((context.reader.read(text),), {})
    store.diagnosed(story.incident.id, store.keep_triage(kept_of(told)))
    return Diagnosed(tuple(told_lines(told, context.reader)), told_facts(told, context.reader))


def _found(context: Context, store: Store, number: int) -> Diagnosed | None:
    kept = store.triage(number)
    if kept is None:
        return None
    try:
        told = unpacked(kept.told, Told)
    except (ValueError, msgspec.ValidationError):
        return None  # an older version's: what it says is in the first notice
    return Diagnosed(tuple(told_lines(told, context.reader)), told_facts(told, context.reader))
