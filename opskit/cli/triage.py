"""`opskit triage`: the answer to "the chat is stuck"."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import opskit
from opskit.app import bundle as bundles
from opskit.app.observe import Live, Source
from opskit.app.run_triage import Triage, run_triage
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json, plain_context
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import Told, triage_text

_EXIT = {"healthy": 0, "fault": 2, "unknown": 3}


def triage(
    options: Options,
    playbook: str,
    bundle: Path | None,
    as_json: bool,
    md: Path | None,
    no_input: bool,
    lang: str | None,
) -> int:
    """Walk, print, write the transcript; return the exit code."""
    del no_input  # this walk asks nobody: the promise is kept by construction
    context = plain_context(options, lang) if bundle else context_of(options, lang)
    source: Source = bundles.read(bundle) if bundle else Live()
    done = run_triage(context, playbook, source)
    told = told_of(done, str(bundle) if bundle else "")
    if as_json:
        out_json(triage_json(told, context.reader))
    else:
        out(triage_text(told, context.reader, _width()))
    if md is not None:
        host = source.manifest.host if isinstance(source, bundles.Bundle) else platform.node()
        md.write_text(triage_md(told, context.reader, opskit.__version__, host), encoding="utf-8", errors="replace")
    return _EXIT[done.diagnosis.outcome]


def told_of(done: Triage, origin: str) -> Told:
    """Return a finished walk as the reports take it."""
    return Told(done.diagnosis, done.tree.playbook, done.at.timestamp(), done.seconds, origin)


def _width() -> int:
    """Wrap for a terminal; in a pipe lines stay whole, so that they can be searched."""
    return max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
