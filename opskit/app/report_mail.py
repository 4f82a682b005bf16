"""The daily report as a notice: the text is complete by itself, the page beside it has its charts as pictures."""

from __future__ import annotations

import base64

from opskit.app.context import Context
from opskit.history.codec import packed
from opskit.history.incident import NewNotice
from opskit.model.message import say
from opskit.notify.channel import Content
from opskit.report.daily import daily_text
from opskit.report.daily_html import daily_html
from opskit.report.daily_json import daily_json
from opskit.report.day import Day
from opskit.report.page import MissingError

KIND = "report"


def report_content(context: Context, day: Day) -> Content:
    """Return what the channels get. Without what makes pages it is the text alone."""
    reader, pictures = context.reader, dict[str, bytes]()
    try:
        page = daily_html(day, reader, pictures)
    except MissingError:
        page = ""
    subject = reader.read(say("[opskit] {host}: report of {day}", host=day.host, day=day.day.isoformat()))
    known = {"kind": KIND, "host": day.host, "status": day.status.value, "at": day.now}
    facts = {**known, "report": daily_json(day, reader)}
    encoded = {name: base64.b64encode(content).decode("ascii") for name, content in pictures.items()}
    return Content(day.host, "", day.status, subject, daily_text(day, reader) + "\n", facts, page, encoded)


def report_notice(context: Context, day: Day) -> NewNotice:
    """Return the notice to keep."""
    return NewNotice(KIND, packed(report_content(context, day)))
