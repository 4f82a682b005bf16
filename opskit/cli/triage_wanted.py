"""What `opskit triage` is asked for on the command line, as far as it fits together."""

from __future__ import annotations

import math
from pathlib import Path

import click
import msgspec

from opskit.model.playbook import Symptom


class Wanted(msgspec.Struct, frozen=True):
    """What the command line asks for besides the diagnosis; `wait` in seconds."""

    as_json: bool = False
    md: Path | None = None
    apply: bool = False
    yes: bool = False
    no_input: bool = False
    no_canary: bool = False
    verbose: bool = False
    symptom: Symptom | None = None
    wait: float = 30.0
    user: str = ""
    request_id: str = ""
    at: str | None = None


def insist(wanted: Wanted, bundle: Path | None, *, last: bool) -> None:
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
