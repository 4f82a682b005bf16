"""`opskit explain OPS403`: the page of a cause at the terminal. Nothing is measured, and nothing remembered is read."""

from __future__ import annotations

from opskit.app.explain_cause import told_causes
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.report.cause_json import cause_json
from opskit.report.cause_text import cause_text


def explain_cause(options: Options, code: str, *, as_json: bool) -> int:
    """Print what every definition of the cause says: a site may have its own beside the shipped one."""
    context = plain_context(options)
    told = told_causes(context.definitions, code)
    if as_json:
        out_json({"causes": [cause_json(each, context.reader) for each in told]})
    else:
        out("\n\n".join(cause_text(each, context.reader) for each in told))
    return 0
