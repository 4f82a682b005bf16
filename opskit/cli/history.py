"""`opskit history show` and `prune`."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import click
import msgspec

from opskit.app.clock import epoch, now
from opskit.app.memory import history_path, keep_of, open_memory, spool_of
from opskit.app.window import point
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json
from opskit.history.records import Kept
from opskit.model.message import say
from opskit.report.history_text import Overview, Past, overview_json, overview_text, past_json, past_text


def show(options: Options, /, check_id: str | None, since: str, as_json: bool) -> int:
    """Print what is kept, of all or of one check."""
    context = context_of(options)
    moment = now()
    begin = _point(since, moment)
    path = history_path(context)
    with closing(open_memory(context)) as store:
        if check_id is None:
            size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if part.is_file())
            waiting = spool_of(context).waiting()
            kept = Overview(str(path), size, tuple(store.inventory()), store.heartbeats(), waiting)
            if as_json:
                out_json(overview_json(kept, context.reader))
            else:
                out(overview_text(kept, moment.timestamp(), context.reader))
            return 0
        if store.state(check_id) is None:
            known = ", ".join(sorted(store.states())) or "none"
            raise click.UsageError(f"of '{check_id}' nothing is kept; known are {known}")
        until = moment.timestamp()
        past = Past(
            check_id,
            begin,
            until,
            tuple(flip for flip in store.flips(begin, until) if flip.check == check_id),
            next((runs for runs in store.runs(begin, until) if runs.check == check_id), None),
            tuple(store.series(check_id)),
        )
    if as_json:
        out_json(past_json(past, context.reader))
    else:
        out(past_text(past, context.reader))
    return 0


def _point(text: str, moment: datetime) -> float:
    try:
        return point(text, moment)
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from None


def prune(options: Options, raw_days: float | None, days: float | None) -> int:
    """Roll up and forget; say how much."""
    context = context_of(options)
    given = {name: value for name, value in (("raw_days", raw_days), ("days", days)) if value is not None}
    keep = msgspec.structs.replace(keep_of(context.settings.history), **given)
    with closing(open_memory(context)) as store:
        before = _rows(store.inventory())
        gone = store.prune(epoch(), keep)
        after = _rows(store.inventory())
    text = say("rows that were rolled up or forgotten: {n}; left: {m} of {k}", n=gone, m=after, k=before)
    out(context.reader.read(text))
    return 0


def _rows(kept: list[Kept]) -> int:
    return sum(kind.count for kind in kept)
