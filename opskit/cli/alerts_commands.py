"""`opskit alerts`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

import click

from opskit.cli.options import Options

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_for = click.option("--for", "lasts", metavar="DURATION", default="4h", show_default=True, help="Such as 30m, 4h, 2d.")
_note = click.option("--note", default="", help="Why: whoever reads it later will ask.")
pass_options = click.make_pass_decorator(Options)


@click.group()
def alerts() -> None:
    """Incidents: what was told of them, to whom, and why not; and how to keep one quiet."""


@alerts.command("list")
@click.option("--since", default="7d", show_default=True, help="1h, today, yesterday, 14:05, 2026-11-22, ISO 8601.")
@click.option("--open", "only_open", is_flag=True, help="Only what is not over.")
@_json
@pass_options
def listed(options: Options, /, **given: object) -> int:
    """List the incidents, newest first, and the silences that are not over."""
    from opskit.cli.alerts import listed as body

    return body(options, **given)  # type: ignore[arg-type]  # click hands over what is declared above


@alerts.command()
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@_for
@_note
@click.option("--undo", is_flag=True, help="Take the acknowledgement back.")
@pass_options
def ack(options: Options, /, **given: object) -> int:
    """Acknowledge an incident: no reminders for a while, unless it gets worse. Its end is told all the same."""
    from opskit.cli.alerts import ack as body

    return body(options, **given)  # type: ignore[arg-type]


@alerts.command()
@click.argument("pattern", metavar="[CHECK]", required=False)
@_for
@_note
@click.option("--end", "ended", metavar="NUMBER", type=click.IntRange(min=1), help="End a silence.")
@pass_options
def silence(options: Options, /, **given: object) -> int:
    """Say nothing about a check for a while; CHECK may be a pattern such as 'gpu-*', or '*' for all."""
    from opskit.cli.alerts import silence as body

    return body(options, **given)  # type: ignore[arg-type]


@alerts.command()
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@_json
@pass_options
def explain(options: Options, /, **given: object) -> int:
    """Say why there was a mail about an incident, or none: every decision, and what became of every notice."""
    from opskit.cli.alerts import explain as body

    return body(options, **given)  # type: ignore[arg-type]


@alerts.command()
@click.argument("channel")
@pass_options
def test(options: Options, channel: str) -> int:
    """Send a notice that says it is only a test, at once; exit code 0 where it was accepted, else 2."""
    from opskit.cli.alerts import test as body

    return body(options, channel)
