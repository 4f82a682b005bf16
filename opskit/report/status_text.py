"""The latest state of every check as a table. A result that is too old is stale, whatever it said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from tabulate import tabulate

from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Verdict


class Row(msgspec.Struct, frozen=True):
    """A check with what is remembered of it; both None where it never ran."""

    check: str
    state: State | None
    verdict: Verdict | None

    def status(self, now: float) -> Status:
        """The state to show: UNKNOWN where nothing is known, or nothing recent."""
        if self.state is None or now > self.state.valid_until:
            return Status.UNKNOWN
        return self.state.hard if self.state.hard is not Status.OK else self.state.seen


def status_text(rows: Sequence[Row], now: float, reader: Reader) -> str:
    """Return the table, worst first."""
    ranked = sorted(rows, key=lambda row: (-row.status(now).severity, row.check))
    titles = [say("STATE"), say("CHECK"), say("SINCE"), say("LAST RUN"), say("WHAT")]
    table = [[row.status(now).name, row.check, *_times(row, reader), _what(row, now, reader)] for row in ranked]
    return tabulate(table, [reader.read(title) for title in titles], tablefmt="plain", disable_numparse=True)


def _times(row: Row, reader: Reader) -> list[str]:
    if row.state is None:
        return ["-", "-"]
    return [f"{reader.time(at):%Y-%m-%d %H:%M}" for at in (row.state.since, row.state.at)]


def _what(row: Row, now: float, reader: Reader) -> str:
    if row.state is None or row.verdict is None:
        return reader.read(say("never ran"))
    text = reader.read(row.verdict.items[0].text) if row.verdict.items else ""
    if now > row.state.valid_until:
        return reader.read(say("stale, it said {state}: {text}", state=row.state.seen.name, text=text))
    if row.state.soft:
        return reader.read(say("{text} (seen {state}, not confirmed)", text=text, state=row.state.seen.name))
    return text
