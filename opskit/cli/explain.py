"""`opskit explain`: what a check is about, its numbers now, and what its thresholds did with the last days.

The code of a cause may stand in the place of a check.
"""

from __future__ import annotations

from contextlib import closing

import click

from opskit.app.clock import now
from opskit.app.explain import explained
from opskit.app.memory import open_memory
from opskit.app.run_checks import select
from opskit.cli.check import limited
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json
from opskit.model.problem import DefinitionError
from opskit.model.regex import regex
from opskit.report.explain_json import explain_json
from opskit.report.explain_text import explain_text

CODE = regex(r"OPS[1-9][0-9]{2}")


def explain(
    options: Options, /, check_id: str, days: int, warn: tuple[str, ...], crit: tuple[str, ...], as_json: bool
) -> int:
    """Print the explanation; nothing is measured."""
    if CODE.fullmatch(check_id):
        from opskit.cli.explain_cause import explain_cause

        if warn or crit:
            raise click.UsageError("-w and -c are for a check: a cause has no thresholds")
        return explain_cause(options, check_id, as_json=as_json)
    context = context_of(options)
    loaded = context.loaded_checks()
    if check_id in loaded.broken:
        raise DefinitionError(loaded.broken[check_id])
    (check,) = limited(select(loaded, (check_id,)), warn, crit)
    with closing(open_memory(context)) as store:
        found = explained(check, store, now().timestamp(), days)
    if as_json:
        out_json(explain_json(found, context.reader))
    else:
        out(explain_text(found, context.reader))
    return 0
