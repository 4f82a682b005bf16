"""`opskit report`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.group()
def report() -> None:
    """Reports from the history."""


@report.command()
@click.option("--date", "day", help="A date such as 2026-11-22; default: yesterday. `today` for the day so far.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "html", "json"]),
    default="text",
    show_default=True,
    help="What to make.",
)
@click.option("--out", "path", type=_PATH, metavar="FILE", help="Write it there instead of printing it.")
@click.option("--email", is_flag=True, help="Mail it now to those of notify.email.")
@pass_options
def daily(options: Options, /, **given: object) -> int:
    """Tell what happened on a day: incidents, traffic, latency, cards, certificates, checks and notices."""
    from opskit.cli.report import daily as body

    return body(options, **given)  # type: ignore[arg-type]
