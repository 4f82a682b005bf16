"""`opskit check`: the exit code is the same whatever the output format."""

from __future__ import annotations

from contextlib import closing, nullcontext
from pathlib import Path

import click
import msgspec

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.memory import Memory, tidy
from opskit.app.observe import Live, Source
from opskit.app.run_checks import Outcome, run_checks, select, unusable
from opskit.app.tell import daemon_lives, outcome_said, tell
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json, plain_context, say_aside
from opskit.history.store import HistoryError
from opskit.model.check import Check
from opskit.model.message import Message
from opskit.model.status import Status, worst
from opskit.report.check_nagios import check_nagios
from opskit.report.check_text import check_text


def check(
    options: Options,
    ids: tuple[str, ...],
    output: str | None,
    as_json: bool,
    timeout: str | None,
    bundle: Path | None,
    no_record: bool,
    submit: bool,
    host: str | None,
    warn: tuple[str, ...],
    crit: tuple[str, ...],
    verbosity: int,
) -> int:
    """Run the checks, print, remember, tell; return the exit code."""
    context = plain_context(options) if bundle else context_of(options)
    if submit:
        _insist_on_a_receiver(context, bundle)
    if host is not None:
        _insist_on_a_name(context, host)
    loaded = context.loaded_checks(ids)
    checks, broken = limited(select(loaded, ids), warn, crit), unusable(loaded, ids, epoch())
    seconds, state_on_timeout = _timeout(timeout)
    source = _recorded(bundle) if bundle else Live()
    memory = None if bundle or no_record else Memory(context)
    with closing(memory) if memory else nullcontext():
        outcomes = [*broken, *run_checks(context, checks, source, memory, seconds)]
        outcomes = [_restated(outcome, state_on_timeout) for outcome in outcomes]
        wanted = "json" if as_json else output or ("nagios" if len(ids) == 1 else "text")
        _print(context, outcomes, wanted, verbosity, host)
        if memory is not None:
            _tell(context, memory, everything=not ids)
    troubles = [outcome.trouble for outcome in outcomes if outcome.trouble]
    for text in [*troubles[:1], *(_handed_over(context, outcomes, host) if submit else [])]:
        say_aside(context, text)
    return worst(outcome.verdict.status for outcome in outcomes).exit_code


def _insist_on_a_receiver(context: Context, bundle: Path | None) -> None:
    if bundle is not None:
        raise click.UsageError("--submit is for this host: a bundle was measured at another time")
    from opskit.app.submit import receives

    if not receives(context):
        raise click.UsageError("--submit: no monitoring system is configured, see submit in opskit.yaml")


def _insist_on_a_name(context: Context, host: str) -> None:
    from opskit.definitions.allowed import wrong_name

    if wrong := wrong_name(host):
        raise click.UsageError(f"--host: {context.reader.read(wrong)}")


def _recorded(bundle: Path) -> Source:
    from opskit.app.bundle import read

    return read(bundle)


def _handed_over(context: Context, outcomes: list[Outcome], host: str | None) -> list[Message]:
    from opskit.app.submit import submit

    return submit(context, outcomes, host)


def limited(checks: list[Check], warn: tuple[str, ...], crit: tuple[str, ...]) -> list[Check]:
    """Put the thresholds of the command line into the one check that they are for."""
    if not warn and not crit:
        return checks
    if len(checks) != 1:
        raise click.UsageError("-w and -c are for one check: name it")
    from opskit.app.thresholds import Level, with_thresholds

    given: list[tuple[Level, str]] = [*(("warn", text) for text in warn), *(("crit", text) for text in crit)]
    try:
        return [with_thresholds(checks[0], given)]
    except ValueError as error:
        raise click.UsageError(f"-w, -c: {error}") from None


def _timeout(text: str | None) -> tuple[float | None, Status | None]:
    """`10` or `10:CRITICAL`."""
    if text is None:
        return None, None
    number, _, name = text.partition(":")
    try:
        seconds = float(number)
        state = Status[name.upper()] if name else None
    except (ValueError, KeyError):
        seconds, state = 0.0, None
    if not 0 < seconds <= 86400:
        raise click.UsageError(f"--timeout {text!r}: expected seconds, such as 10, or 10:CRITICAL")
    return seconds, state


def _restated(outcome: Outcome, state: Status | None) -> Outcome:
    """A site may want a probe that does not answer in time to count as another state than UNKNOWN."""
    verdict = outcome.verdict
    if state is None or not verdict.late:
        return outcome
    items = tuple(msgspec.structs.replace(item, status=state) for item in verdict.items)
    return msgspec.structs.replace(outcome, verdict=msgspec.structs.replace(verdict, status=state, items=items))


def _print(context: Context, outcomes: list[Outcome], output: str, verbosity: int, host: str | None) -> None:
    shown = [(outcome.check, outcome.verdict, outcome.state) for outcome in outcomes]
    if output == "json":
        from opskit.report.check_json import check_json

        out_json(check_json(shown, context.reader))
    elif output == "nagios":
        out(check_nagios(shown, context.reader, verbosity))
    elif output == "nagios-passive":
        from opskit.app.submit import passive_commands

        out("\n".join(passive_commands(context, outcomes, host)))
    elif output == "checkmk":
        from opskit.report.check_checkmk import check_checkmk

        out(check_checkmk(shown, context.reader))
    else:
        out(check_text(shown, context.reader, verbosity))


def _tell(context: Context, memory: Memory, *, everything: bool) -> None:
    """Tell what is due, unless a daemon does. Whoever runs all checks, as cron does, also does the housekeeping."""
    if memory.news is not None:
        say_aside(context, memory.news)
    try:
        told = [] if daemon_lives(memory.store) else tell(context, memory.store)
        if everything:
            tidy(context, memory.store)
    except HistoryError:
        return  # the checks have said it already
    for outcome in told:
        if outcome.error:
            say_aside(context, outcome_said(outcome))
