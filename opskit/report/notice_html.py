"""A notice as a page, for mail: its first line, how the check's numbers came to it, and the text as it is."""

from __future__ import annotations

from collections.abc import Sequence

from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.report.day import Curve
from opskit.report.page import drawn, page


def notice_html(
    text: str,
    status: Status,
    curves: Sequence[Curve],
    since: float,
    until: float,
    reader: Reader,
    pictures: dict[str, bytes],
) -> str:
    """Return the page; the charts are put into `pictures`. Raises page.MissingError."""
    first, _, rest = text.partition("\n")
    shown = [drawn(curve, since, until, reader, pictures) for curve in curves]
    return page(
        "notice.html.j2",
        {"title": first, "first": first, "rest": rest.strip("\n"), "mood": status.value, "curves": shown},
        reader,
    )
