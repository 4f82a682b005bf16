"""`opskit history`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
_WHEN = "1h, today, yesterday, 14:05, 2026-11-22, ISO 8601."
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
pass_options = click.make_pass_decorator(Options)


@click.group()
def history() -> None:
    """Look at the memory of this host, move it, keep it small."""


@history.command()
@click.argument("check_id", metavar="[CHECK]", required=False)
@click.option("--since", default="7d", show_default=True, help=_WHEN)
@_json
@pass_options
def show(options: Options, /, **given: object) -> int:
    """Show what is kept, and of which time; with CHECK its changes of state, its runs and its series."""
    from opskit.cli.history import show as body

    return body(options, **given)  # type: ignore[arg-type]  # click hands over what is declared above


@history.command()
@click.option("-o", "--output", "path", type=_PATH, help="A file; default: stdout.")
@click.option("--since", help=_WHEN)
@click.option("--until", help="The same; exclusive.")
@pass_options
def export(options: Options, /, **given: object) -> int:
    """Write everything that is kept as JSON lines, for `opskit history import` or a program of your own."""
    from opskit.cli.history_moved import export as body

    return body(options, **given)  # type: ignore[arg-type]


@history.command("import")
@click.argument("path", metavar="FILE", type=_PATH)
@pass_options
def bring_in(options: Options, path: Path) -> int:
    """Put an export beside what is kept here; what is here already stays as it is.

    Nothing is taken in from a file of which any line is broken.
    """
    from opskit.cli.history_moved import bring_in as body

    return body(options, path)


@history.command()
@click.option("--raw-days", type=click.FloatRange(1, 3660), help="Days for samples as measured (else as configured).")
@click.option("--days", type=click.FloatRange(1, 3660), help="Days for everything (else as configured).")
@pass_options
def prune(options: Options, raw_days: float | None, days: float | None) -> int:
    """Roll old samples up and forget what is older still, now. It happens by itself once a day."""
    from opskit.cli.history import prune as body

    return body(options, raw_days, days)
