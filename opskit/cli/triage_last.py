"""`opskit triage --last`: the diagnosis that was kept last, without measuring anything."""

from __future__ import annotations

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.transcript import Transcript
from opskit.app.triage_memory import last_told
from opskit.cli.output import out, out_json
from opskit.cli.triage_output import width
from opskit.cli.triage_wanted import Wanted
from opskit.model.ago import ago
from opskit.model.message import say
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import triage_text


def show_last(context: Context, playbook: str | None, wanted: Wanted) -> int:
    """Print it with its age; return the exit code that it had. Raises HistoryError where there is none."""
    told, reader = last_told(context, playbook), context.reader
    seconds = epoch() - told.at
    if wanted.as_json:
        out_json({**triage_json(told, reader), "age_s": round(seconds, 3)})
    else:
        kept = say("Kept from {when}, {age}; nothing was measured now.", when=reader.stamp(told.at), age=ago(seconds))
        out(f"{reader.read(kept)}\n\n{triage_text(told, reader, width(), every=wanted.verbose)}")
    if wanted.md is not None:
        Transcript(wanted.md).write(triage_md(told, reader))
    return told.exit_code
