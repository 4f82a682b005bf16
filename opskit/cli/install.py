"""`opskit install systemd` and `cron`."""

from __future__ import annotations

from opskit.app.install import plan_of, shown, write
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, say_aside
from opskit.model.message import say


def install(options: Options, /, kind: str, user: bool, dry_run: bool) -> int:
    """Show or write the files; say what is to be run then. Raises InstallError."""
    context = context_of(options)
    plan = plan_of(context, kind, user=user)
    if dry_run:
        for piece in plan.files:
            out(f"==> {piece.path} <==\n{piece.text}")
    else:
        for path in write(plan):
            say_aside(context, say("written: {path}", path=str(path)))
    for remark in plan.remarks:
        say_aside(context, remark)
    out(context.reader.read(say("Then run:")))
    out("\n".join(f"  {shown(command)}" for command in plan.commands))
    return 0
