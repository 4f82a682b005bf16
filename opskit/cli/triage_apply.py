"""`opskit triage --apply`: the diagnosis, then the commands of its remedy one by one, then whether they helped."""

from __future__ import annotations

import msgspec

from opskit.app.context import Context
from opskit.app.remedy import treat
from opskit.app.run_triage import Triage
from opskit.cli.output import out, say_aside
from opskit.cli.triage_hand import Hand, interactive
from opskit.cli.triage_output import Record, a_reader_may_leave, show, width
from opskit.cli.triage_wanted import Wanted
from opskit.model.message import Message, say
from opskit.model.treatment import Treatment
from opskit.report.told import Told
from opskit.report.triage_text import done_text

_INTERRUPTED = 130
_UNKNOWN = 3


def apply(context: Context, done: Triage, told: Told, record: Record, wanted: Wanted) -> int:
    """Show the diagnosis, go through the commands of its cause, show what came of it; return the exit code."""
    try:
        if not wanted.as_json:
            show(told, context.reader, wanted)
    finally:  # written down before anything is run: a command may restart this machine
        record.keep(told)
        record.attempt(told)
    person = interactive(no_input=wanted.no_input)
    idle = _nothing_to_run(told, wanted, person=person)
    if idle is not None:
        say_aside(context, idle)
        treated = told
    else:
        treated = _treated(context, done, told, record, Hand(context.reader, person=person, yes=wanted.yes), wanted)
    if wanted.as_json:
        show(treated, context.reader, wanted)
    elif treated.treatment is not None:
        with a_reader_may_leave():
            out(done_text(treated, context.reader, width()))
    if treated.treatment is not None and treated.treatment.stopped:
        return _INTERRUPTED
    return _UNKNOWN if record.incomplete else treated.exit_code


def _nothing_to_run(told: Told, wanted: Wanted, *, person: bool) -> Message | None:
    """Why no command is even offered."""
    finding = told.diagnosis.finding
    if finding is None:
        return say("no cause is named, so there is nothing to run")
    if not any(remedy.run for remedy in finding.cause.remedy):
        return say("the remedy of this cause holds no command to run")
    if not person and not wanted.yes:
        return say("remedies are not run: there is nobody here to confirm them (--yes runs those that are read-only)")
    return None


def _treated(context: Context, done: Triage, told: Told, record: Record, hand: Hand, wanted: Wanted) -> Told:
    def with_it(treatment: Treatment) -> Told:
        return msgspec.structs.replace(told, treatment=treatment)

    def note(treatment: Treatment) -> None:
        record.keep(with_it(treatment))
        record.attempt(with_it(treatment))

    finding = told.diagnosis.finding
    if finding is None:
        return told
    hand.opens(told, shown=not wanted.as_json)
    return with_it(treat(context, done, finding, hand, note, wanted.wait))
