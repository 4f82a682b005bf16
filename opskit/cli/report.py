"""`opskit report daily`."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.app.day import gather
from opskit.app.memory import open_memory
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, say_aside
from opskit.model.message import say
from opskit.report.day import Day


def daily(options: Options, /, day: str | None, form: str, path: Path | None, email: bool) -> int:
    """Print the report of a day, write it to a file, or mail it."""
    context = context_of(options)
    moment = now()
    wanted = _day(day, moment)
    with closing(open_memory(context)) as store:
        found = gather(context, store, wanted, moment)
    if email:
        return _mailed(context, found)
    text = _formed(context, found, form)
    if path is None:
        out(text)
    else:
        path.write_text(text + "\n", encoding="utf-8")
        say_aside(context, say("written: {path}", path=str(path)))
    return 0


def _formed(context: Context, found: Day, form: str) -> str:
    if form == "html":
        from opskit.report.daily_html import daily_html

        return daily_html(found, context.reader).rstrip("\n")
    if form == "json":
        import json

        from opskit.report.daily_json import daily_json

        return json.dumps(daily_json(found, context.reader), ensure_ascii=False, indent=2)
    from opskit.report.daily import daily_text

    return daily_text(found, context.reader)


def _mailed(context: Context, found: Day) -> int:
    """Send it now, past the outbox: whoever asks for it sees whether it left."""
    import uuid

    from opskit.app.report_mail import KIND, report_content
    from opskit.app.tell import channels_of
    from opskit.notify.channel import ChannelError, Notice

    channel = channels_of(context).get("email")
    if channel is None:
        raise click.UsageError("--email: notify.email is not configured")
    seed = uuid.uuid4().hex
    try:
        channel.send(Notice(seed, seed, KIND, report_content(context, found), context.reader.time(found.now)))
    except ChannelError as error:
        say_aside(context, say("{channel}: not accepted: {why}", channel="email", why=error.message))
        return 2
    say_aside(context, say("{channel}: accepted", channel="email"))
    return 0


def _day(text: str | None, moment: datetime) -> date:
    words = {None: 1, "yesterday": 1, "today": 0}
    if text in words:
        return moment.date() - timedelta(days=words[text])
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise click.UsageError(f"--date {text!r}: expected a date such as 2026-11-22, today or yesterday") from None
