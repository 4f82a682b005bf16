"""`opskit triage`: the answer to "the chat is stuck", what is done about it, and the record of both."""

from __future__ import annotations

import math
import platform
from pathlib import Path

import click
import msgspec

import opskit
from opskit.app import bundle as bundles
from opskit.app.observe import Live, Source
from opskit.app.run_triage import Known, Triage, run_triage
from opskit.app.transcript import Transcript
from opskit.cli.options import Options
from opskit.cli.output import context_of, plain_context
from opskit.cli.triage_asks import asked as ask_person
from opskit.cli.triage_focus import focus_of, insist_on_a_request, request_told
from opskit.cli.triage_output import Record, Wanted, show
from opskit.report.told import Told

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
    _insist(wanted, bundle, last=last)
    if wanted.md is not None:
        Transcript(wanted.md).insist()
    if last:
        from opskit.cli.triage_last import show_last

        return show_last(context_of(options, lang), playbook, wanted)
    context = plain_context(options, lang) if bundle else context_of(options, lang)
    source: Source = bundles.read(bundle) if bundle else Live()
    focus = focus_of(wanted, source)
    insist_on_a_request(context, playbook or STANDARD, focus)
    known = Known(wanted.symptom or "untold", _without(wanted), focus)
    done = run_triage(context, playbook or STANDARD, source, known)
    if bundle is None and wanted.symptom is None and not wanted.as_json and not done.past:
        done = ask_person(done, context, no_input=wanted.no_input)
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


def _without(wanted: Wanted) -> frozenset[str]:
    return frozenset({"canary", "latency"}) if wanted.no_canary else frozenset()


def _insist(wanted: Wanted, bundle: Path | None, *, last: bool) -> None:
    """What cannot be meant together is no guess of ours."""
    if last and bundle is not None:
        raise click.UsageError("--last and --from are two different diagnoses: give one of them")
    if wanted.apply and (last or bundle is not None):
        raise click.UsageError("--apply is for a diagnosis of this moment: what is kept or recorded is of another one")
    if math.isnan(wanted.wait):  # no range holds it, and none refuses it
        raise click.UsageError("--wait: expected seconds, such as 30")
    if wanted.apply and wanted.at is not None:
        raise click.UsageError("--apply is for a diagnosis of this moment, and --at may name another one")
    if last and (wanted.user or wanted.request_id or wanted.at):
        raise click.UsageError("--last shows what was kept: --user, --request-id and --at are for a new diagnosis")
    if wanted.user and wanted.request_id:
        raise click.UsageError("--user and --request-id are two questions: give one of them")
    if wanted.yes and not wanted.apply:
        raise click.UsageError("--yes is for the commands that --apply runs: give both")


def told_of(done: Triage, origin: str, source: Source | None = None) -> Told:
    """Return a finished walk as the reports take it."""
    manifest = source.manifest if isinstance(source, bundles.Bundle) else None
    request, became = request_told(done)
    return Told(
        done.diagnosis,
        done.tree.playbook,
        done.at.timestamp(),
        done.seconds,
        origin,
        host=manifest.host if manifest else platform.node(),
        versions={"opskit": opskit.__version__, "Python": platform.python_version()},
        recorded_with=manifest.versions if manifest else {},
        took={} if origin else done.took,
        notes=tuple(
            note for reading in done.readings.values() if reading is not done.request for note in reading.notes
        ),
        past=done.past,
        request=request,
        became=became,
    )
