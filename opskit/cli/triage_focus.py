"""`--user`, `--request-id` and `--at` of `opskit triage`, checked and understood."""

from __future__ import annotations

from datetime import timedelta

import click

from opskit.app.context import Context
from opskit.app.focus import Focus
from opskit.app.observe import Source
from opskit.app.window import is_time_of_day, point
from opskit.cli.triage_wanted import Wanted

_LONGEST = 200
_AHEAD_S = 300.0


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
