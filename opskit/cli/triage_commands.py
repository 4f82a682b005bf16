"""`opskit triage`. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.command()
@click.argument("playbook", required=False)
@click.option("--from", "bundle", type=_PATH, metavar="BUNDLE", help="Diagnose a recorded bundle instead of this host.")
@click.option("--last", is_flag=True, help="Show the diagnosis that was kept last, without measuring.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--md", type=_PATH, metavar="FILE", help="Also write a transcript for the ticket.")
@click.option("--apply", is_flag=True, help="Offer each command of the remedy, and run it once you say yes.")
@click.option("--yes", is_flag=True, help="With --apply: run what is read-only without asking, and nothing else.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="With --apply: how long to look whether it helped.",
)
@click.option(
    "--symptom",
    type=click.Choice(["waiting", "error", "empty", "slow"]),
    help="What users see; else it is asked where it helps.",
)
@click.option("--user", default="", metavar="NAME", help="Whose question it was: a name or an address in the logs.")
@click.option("--request-id", default="", metavar="ID", help="Which request it was.")
@click.option("--at", metavar="WHEN", help="When it was: 14:05, 2h (ago), 2026-11-22T14:05. Logs only.")
@click.option("-v", "--verbose", is_flag=True, help="Show every question, also those that only left a cause out.")
@click.option("--no-canary", is_flag=True, help="Send no question of opskit's own.")
@click.option("--no-input", is_flag=True, help="Never ask anything.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="Language of the output.")
@pass_options
def triage(options: Options, /, **given: object) -> int:
    """Find out why the chat is stuck: which layer, which cause, what proves it, what to do.

    PLAYBOOK is chat-stuck where none is named. Exit codes: 0 nothing wrong found, 2 a cause was found, 3 cannot tell;
    where --apply changed something, 0 it helped, 2 not yet, 3 cannot tell.
    """
    from opskit.cli.triage import triage as body

    return body(options, **given)  # type: ignore[arg-type]
