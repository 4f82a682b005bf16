"""`--user`, `--request-id` and `--at` of `opskit triage`, checked and understood."""

from __future__ import annotations

from datetime import timedelta

import click

from opskit.app.context import Context
from opskit.app.focus import REQUEST, Focus
from opskit.app.observe import Source
from opskit.app.run_triage import Triage
from opskit.app.window import is_time_of_day, point
from opskit.cli.triage_wanted import Wanted
from opskit.model.diagnosis import Measured
from opskit.model.message import Message

_LONGEST = 200
_AHEAD_S = 300.0
_SHOWN = ("status", "duration_s", "waiting_s", "age_s", "others_failed")


def focus_of(wanted: Wanted, source: Source) -> Focus:
    """Return what the diagnosis is narrowed to. UsageError where that cannot be meant."""
    for option, value in (("--user", wanted.user), ("--request-id", wanted.request_id)):
        if value and (len(value) > _LONGEST or not value.isprintable() or not any(map(str.isalnum, value))):
            raise click.UsageError(f"{option}: expected up to {_LONGEST} printable characters, one a letter or digit")
    return Focus(wanted.request_id, wanted.user, None if wanted.at is None else _moment(wanted.at, source))


def _moment(text: str, source: Source) -> float:
    """A time of day that is still to come was yesterday's: nobody complains of the future."""
    now = source.now()
    try:
        at = point(text, now)
        if at > now.timestamp() + _AHEAD_S and is_time_of_day(text):
            at = point(f"{now.date() - timedelta(days=1)}T{text.zfill(5)}", now)
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
    if at > now.timestamp() + _AHEAD_S:
        raise click.UsageError(f"--at {text} is still to come")
    return at


def insist_on_a_request(context: Context, playbook: str, focus: Focus) -> None:
    """A playbook that looks up no request cannot answer for one. UsageError."""
    if (focus.user or focus.request_id) and not focus.narrows(context.tree(playbook).playbook):
        raise click.UsageError(f"{playbook} looks up no single request: --user and --request-id are for chat-stuck")


def request_told(done: Triage) -> tuple[tuple[Measured, ...], tuple[Message, ...]]:
    """Return what is known of the request that was asked about, with its lines, and the same in words."""
    asked = done.request
    if asked is None:
        return (), ()
    if asked.unreadable is not None:
        return (), (asked.unreadable,)
    known = [(name, value) for name, value in asked.facts.items() if name in _SHOWN and value]
    measured = (Measured(f"{REQUEST}.{name}", value, asked.evidence.get(name, ())) for name, value in known)
    return tuple(measured), asked.notes
