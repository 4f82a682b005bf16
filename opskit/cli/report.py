"""`opskit report daily`."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta

import click

from opskit.app.clock import now
from opskit.app.day import gather
from opskit.app.memory import open_memory
from opskit.cli.options import Options
from opskit.cli.output import context_of, out
from opskit.report.daily import daily_text


def daily(options: Options, day: str | None) -> int:
    """Print the report of a day."""
    context = context_of(options)
    moment = now()
    wanted = _day(day, moment)
    with closing(open_memory(context)) as store:
        out(daily_text(gather(context, store, wanted, moment), context.reader))
    return 0


def _day(text: str | None, moment: datetime) -> date:
    words = {None: 1, "yesterday": 1, "today": 0}
    if text in words:
        return moment.date() - timedelta(days=words[text])
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise click.UsageError(f"--date {text!r}: expected a date such as 2026-11-22, today or yesterday") from None
