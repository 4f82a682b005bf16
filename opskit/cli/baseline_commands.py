"""`opskit baseline`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.group()
def baseline() -> None:
    """What is usual, and what counts as slower than usual."""


@baseline.command()
@click.argument("check_id", metavar="[CHECK]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def show(options: Options, /, **given: object) -> int:
    """Show how each series stands against its own past."""
    from opskit.cli.baseline import show as body

    return body(options, **given)  # type: ignore[arg-type]


@baseline.command()
@click.argument("check_id", metavar="CHECK")
@click.argument("metric", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def accept(options: Options, /, **given: object) -> int:
    """Declare the present level the usual one, after a change that is here to stay."""
    from opskit.cli.baseline import accept as body

    return body(options, **given)  # type: ignore[arg-type]


@baseline.command()
@click.argument("path", metavar="FILE.csv", type=_PATH)
@click.option("--interval", metavar="DURATION", help="How far apart the values are, such as 15m; default: as in FILE.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def simulate(options: Options, /, **given: object) -> int:
    """Replay a series of `timestamp,value`: every RAISE, CLEAR and DRIFT with its reason."""
    from opskit.cli.baseline import simulate as body

    return body(options, **given)  # type: ignore[arg-type]
