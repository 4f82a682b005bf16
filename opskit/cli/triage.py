"""`opskit triage`: the answer to "the chat is stuck", what is done about it, and the record of both."""

from __future__ import annotations

from pathlib import Path

import msgspec

from opskit.app.context import Context
from opskit.app.observe import Live, Source
from opskit.app.run_triage import Known, Triage, run_triage
from opskit.cli.options import Options
from opskit.cli.output import context_of, plain_context
from opskit.cli.triage_focus import focus_of, insist_on_a_request
from opskit.cli.triage_wanted import Wanted, insist

STANDARD = "chat-stuck"


def triage(
    options: Options,
    playbook: str | None,
    bundle: Path | None,
    last: bool,
    lang: str | None,
    **given: object,
) -> int:
    """Walk, print, keep, carry out, write the transcript; return the exit code."""
    wanted = msgspec.convert(given, Wanted)
    insist(wanted, bundle, last=last)
    if wanted.md is not None:
        from opskit.app.transcript import Transcript

        Transcript(wanted.md).insist()
    if last:
        from opskit.cli.triage_last import show_last

        return show_last(context_of(options, lang), playbook, wanted)
    context = plain_context(options, lang) if bundle else context_of(options, lang)
    source = _source(bundle)
    focus = focus_of(wanted, source)
    insist_on_a_request(context, playbook or STANDARD, focus)
    known = Known(wanted.symptom or "untold", _without(wanted), focus)
    done = run_triage(context, playbook or STANDARD, source, known)
    return _told(done, context, wanted, bundle, source)


def _told(done: Triage, context: Context, wanted: Wanted, bundle: Path | None, source: Source) -> int:
    """Print the verdict, keep it, and carry out what is wished.

    What only speaks of it is loaded when there is something to say: until then nothing keeps the probes waiting.
    """
    from opskit.app.triage_told import told_of
    from opskit.cli.triage_asks import asked
    from opskit.cli.triage_output import Record, show

    if bundle is None and wanted.symptom is None and not wanted.as_json and not done.past:
        done = asked(done, context, no_input=wanted.no_input)
    told = told_of(done, str(bundle) if bundle else "", source)
    record = Record(context, wanted, live=bundle is None)
    if wanted.apply:
        from opskit.cli.triage_apply import apply

        return apply(context, done, told, record, wanted)
    try:
        show(told, context.reader, wanted)
    finally:  # a full disk behind `> file` is no reason to lose the rest
        record.keep(told)
        record.write(told)
    return told.exit_code


def _source(bundle: Path | None) -> Source:
    if bundle is None:
        return Live()
    from opskit.app.bundle import read

    return read(bundle)


def _without(wanted: Wanted) -> frozenset[str]:
    return frozenset({"canary", "latency"}) if wanted.no_canary else frozenset()
