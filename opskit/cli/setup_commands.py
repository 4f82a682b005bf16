"""Commands that set opskit up, and that run it. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.command()
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--dry-run", is_flag=True, help="Print the file, write nothing.")
@click.option("-o", "--output", type=_PATH, help="Default: /etc/opskit/opskit.yaml for root, else ~/.config/opskit.")
@click.option("--nginx-conf", type=_PATH, help="Where several Nginx run: the configuration of the one that is meant.")
@click.option("--no-input", is_flag=True, help="Never ask anything.")
@pass_options
def init(options: Options, /, **given: object) -> int:
    """Look at this host and write a configuration: Nginx, gateway, Clawdbot, Ollama, GPUs, certificates.

    Every value says how it was found. A file that is there is never written again.
    """
    from opskit.cli.init import init as body

    return body(options, **given)  # type: ignore[arg-type]


@click.command()
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@click.option("--user", is_flag=True, help="systemd: a service of this user alone, without root.")
@click.option("--dry-run", is_flag=True, help="Show the files, write nothing.")
@pass_options
def install(options: Options, /, **given: object) -> int:
    """Write the files with which systemd or cron starts opskit, and say what to run then."""
    from opskit.cli.install import install as body

    return body(options, **given)  # type: ignore[arg-type]


@click.command()
@click.argument("folder", required=False, type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def lint(options: Options, folder: Path | None, as_json: bool) -> int:
    """Check the configuration and all definitions; FOLDER is the same as --definitions FOLDER."""
    from opskit.cli.lint import lint as body

    return body(options, folder, as_json=as_json)


@click.command()
@click.option("--for", "seconds", type=float, metavar="SECONDS", help="Stop after so long (for trials).")
@click.option("--once", is_flag=True, help="Do what is due now and end, as cron wants it.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or an object a line.",
)
@pass_options
def run(options: Options, /, **given: object) -> int:
    """Run all checks on their schedules, until stopped. SIGHUP reads configuration and definitions again."""
    from opskit.cli.run import run as body

    return body(options, **given)  # type: ignore[arg-type]


@click.command()
@click.argument("folder", required=False, type=_PATH)
@pass_options
def demo(options: Options, folder: Path | None) -> int:
    """Show what opskit does, on this host and on recorded incidents."""
    from opskit.cli.demo import demo as body

    return body(options, folder)
