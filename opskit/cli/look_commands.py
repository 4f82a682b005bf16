"""Commands that show what is known. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def status(options: Options, as_json: bool) -> int:
    """Show the latest state of every check."""
    from opskit.cli.status import status as body

    return body(options, as_json=as_json)


@click.command()
@click.argument("check_id", metavar="CHECK|CAUSE")
@click.option("--days", type=click.IntRange(1, 35), default=7, show_default=True, help="How far back to look.")
@click.option("-w", "--warning", "warn", multiple=True, metavar="[METRIC=]RANGE", help="Try another threshold.")
@click.option("-c", "--critical", "crit", multiple=True, metavar="[METRIC=]RANGE", help="Try another threshold.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def explain(options: Options, /, **given: object) -> int:
    """Say what a check measures and why, what it said last, and how often its thresholds would have alerted.

    Of a cause, such as OPS403: what users see, what proves it, what it is mistaken for, what to do.
    """
    from opskit.cli.explain import explain as body

    return body(options, **given)  # type: ignore[arg-type]


@click.command()
@click.option("-o", "--output", "path", type=_PATH, required=True, help="FILE.tar.gz, or a new folder.")
@click.option("--pseudonyms", is_flag=True, help="Replace users and addresses by consistent pseudonyms.")
@click.option("-t", "--timeout", type=float, default=20.0, show_default=True, help="Seconds for each probe.")
@pass_options
def snapshot(options: Options, path: Path, pseudonyms: bool, timeout: float) -> int:
    """Collect what every probe sees now into a bundle, secrets removed."""
    from opskit.cli.snapshot import snapshot as body

    return body(options, path, pseudonyms=pseudonyms, timeout=timeout)
