"""`opskit demo`: the whole story on the lab, or on recorded incidents where no lab can be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from opskit.app import bundle as bundles
from opskit.app.context import Context, load_context
from opskit.app.observe import Live
from opskit.app.run_checks import run_checks, select
from opskit.app.run_triage import run_triage
from opskit.app.triage_told import told_of
from opskit.cli.logs import top
from opskit.cli.options import Options
from opskit.cli.output import out, plain_context, say_aside
from opskit.definitions.search import PACKAGE
from opskit.model.message import Message, say
from opskit.report.check_text import check_text
from opskit.report.triage_text import triage_text

_FAULT = "ollama-out-of-gpu-memory"
_INCIDENTS = ("gateway-killed", "gateway-key-rotated", "clawdbot-wrong-port")
_LOG = Path("gateway-rate-limit-shared/gateway.log")


def demo(options: Options, folder: Path | None) -> int:
    """This machine, a fault on the lab and three recorded ones, the top of a log."""
    context = plain_context(options)
    samples = folder or PACKAGE.parent / "sample_logs"
    if not samples.is_dir():
        raise click.UsageError(f"{samples}: no recorded incidents here, name their folder: opskit demo FOLDER")
    _title(context, say("The health of this machine (opskit check)"))
    _check(context)
    _rehearse(context, options)
    for name in _INCIDENTS:
        _title(context, say("A recorded incident (opskit triage --from sample_logs/{name})", name=name))
        done = run_triage(context, "chat-stuck", bundles.read(samples / name))
        out(triage_text(told_of(done, f"sample_logs/{name}"), context.reader, 100))
    _title(context, say("Who met 401, 429 and 500 most (opskit logs top)"))
    top(
        options,
        "401,429,500",
        "user",
        5,
        paths=(samples / _LOG,),
        since=None,
        until=None,
        format_name="auto",
        show_unparsed=0,
    )
    return 0


def _title(context: Context, message: Message) -> None:
    out(f"\n== {context.reader.read(message)}\n")


def _check(context: Context) -> None:
    ran = list(run_checks(context, select(context.loaded_checks(), ()), Live(), None))
    out(check_text([(item.check, item.verdict, item.state) for item in ran], context.reader))


def _rehearse(context: Context, options: Options) -> None:
    """Break a lab of our own and heal it; where there can be none, say why, and the recorded incidents have to do."""
    try:
        from opskit.lab.drill import break_in, heal, users_ask
        from opskit.lab.faults import faults
        from opskit.lab.record import LabError
        from opskit.lab.stack import Stack, fresh
    except ImportError as error:
        say_aside(context, say("no lab without the extra `lab` ({what}): recorded incidents only", what=str(error)))
        return

    @contextmanager
    def lab() -> Iterator[Stack]:
        with tempfile.TemporaryDirectory(prefix="opskit-demo-") as folder:
            stack = fresh(Path(folder) / "stack", remembered=False)
            stack.up()
            try:
                yield stack
            finally:
                stack.down()

    try:
        with lab() as stack:
            users_ask(stack)
            there = load_context(stack.plan.config_file, options.definitions, options.lang)
            _title(context, say("A practice stack on this machine, all well (opskit lab up, opskit check)"))
            _check(there)
            break_in(stack, [_FAULT])
            users_ask(stack)
            _title(
                context, say("Broken on purpose: {what} (opskit lab break, opskit triage)", what=faults()[_FAULT].does)
            )
            out(triage_text(told_of(run_triage(there, "chat-stuck", Live()), ""), context.reader, 100))
            heal(stack)
            users_ask(stack)
            _title(context, say("Healed (opskit lab heal, opskit triage)"))
            healed = run_triage(there, "chat-stuck", Live())
            out("\n".join(triage_text(told_of(healed, ""), context.reader, 100).splitlines()[:2]))
    except LabError as error:
        say_aside(context, say("no lab here, recorded incidents only: {why}", why=error.message))
