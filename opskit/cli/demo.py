"""`opskit demo`: this host's health, three recorded incidents diagnosed, the top of a real log."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.app import bundle as bundles
from opskit.app.observe import Live
from opskit.app.run_checks import run_checks, select
from opskit.app.run_triage import run_triage
from opskit.cli.logs import top
from opskit.cli.options import Options
from opskit.cli.output import context_of, out
from opskit.cli.triage import told_of
from opskit.definitions.search import PACKAGE
from opskit.model.message import Message, say
from opskit.report.check_text import check_text
from opskit.report.triage_text import triage_text

_INCIDENTS = ("gpu-memory-exhausted", "gateway-down", "key-refused")
_LOG = Path("rate-limited/gateway.log")


def demo(options: Options, folder: Path | None) -> int:
    """Show the three, from `sample_logs` of a checkout or from FOLDER."""
    context = context_of(options)
    samples = folder or PACKAGE.parent / "sample_logs"
    if not samples.is_dir():
        raise click.UsageError(f"{samples}: no recorded incidents here, name their folder: opskit demo FOLDER")

    def title(message: Message) -> None:
        out(f"\n== {context.reader.read(message)}\n")

    title(say("The health of this machine (opskit check)"))
    ran = list(run_checks(context, select(context.loaded_checks(), ()), Live(), None))
    out(check_text([(item.check, item.verdict, item.state) for item in ran], context.reader))
    for name in _INCIDENTS:
        title(say("A recorded incident (opskit triage --from sample_logs/{name})", name=name))
        done = run_triage(context, "chat-stuck", bundles.read(samples / name))
        out(triage_text(told_of(done, f"sample_logs/{name}"), context.reader, 100))
    title(say("Who met 401, 429 and 500 most (opskit logs top)"))
    top(options, (samples / _LOG,), "401,429,500", "user", 5, None, None, "auto", as_json=False)
    return 0
