"""`opskit status`: what is remembered, without measuring anything."""

from __future__ import annotations

import sys
from contextlib import closing

from opskit.app.clock import now
from opskit.app.memory import open_memory
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json
from opskit.model.message import say
from opskit.model.status import worst
from opskit.report.check_json import state_json
from opskit.report.last_triage import last_triage_json, last_triage_text, recent
from opskit.report.status_text import Row, status_text


def status(options: Options, *, as_json: bool) -> int:
    """Print the table; return the exit code of the worst state."""
    context = context_of(options)
    moment = now().timestamp()
    with closing(open_memory(context)) as store:
        latest = {item.state.check: item for item in store.latest()}
        triage = recent(store.last_triage(), moment)
    loaded = context.loaded_checks()
    for problem in loaded.problems:
        sys.stderr.write(f"opskit: {problem.render(context.reader.translate, context.reader.lang)}\n")
    rows = [
        Row(check, latest[check].state, latest[check].verdict) if check in latest else Row(check, None, None)
        for check in sorted(loaded.good)
    ]
    rows += [Row(check, None, None) for check in sorted(loaded.broken)]
    state = worst(row.status(moment) for row in rows)
    if as_json:
        checks = [
            {
                "check": row.check,
                "status": row.status(moment).value,
                "state": state_json(row.state, context.reader) if row.state else None,
            }
            for row in rows
        ]
        last = last_triage_json(triage, context.reader) if triage else None
        out_json({"status": state.value, "exit_code": state.exit_code, "checks": checks, "last_triage": last})
        return state.exit_code
    out(status_text(rows, moment, context.reader))
    if triage is not None:
        out("")
        out(last_triage_text(triage, moment, context.reader))
    if not context.settings.notify.channels:
        out("")
        out(context.reader.read(say("Nobody is told: no channel is configured under notify.")))
    return state.exit_code
