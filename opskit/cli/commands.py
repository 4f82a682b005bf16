"""The tree of commands. Those of other modules are loaded when they are asked for, and each body when it runs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from opskit.cli.options import Options

FORMATS = click.Choice(["nagios", "text", "json", "checkmk", "nagios-passive"])
_PATH = click.Path(path_type=Path)


pass_options = click.make_pass_decorator(Options)
_MODULES = {
    **{name: f"{name}_commands" for name in ("alerts", "baseline", "history", "lab", "logs", "playbook", "report")},
    **dict.fromkeys(("demo", "init", "install", "lint", "run"), "setup_commands"),
    **dict.fromkeys(("explain", "snapshot", "status"), "look_commands"),
    "triage": "triage_commands",
}


class _Cli(click.Group):
    """The command of this file, which monitoring systems start all day, and those of the modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_MODULES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(f"opskit.cli.{_MODULES[cmd_name]}"), cmd_name)
        return found


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=_PATH, help="Configuration file (else $OPSKIT_CONFIG, ~/.config/opskit, /etc/opskit).")
@click.option("--definitions", type=_PATH, help="Folder with checks and playbooks that replace the shipped ones.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="Language of the output (else the locale).")
@click.version_option(package_name="opskit", prog_name="opskit")
@click.pass_context
def cli(context: click.Context, config: Path | None, definitions: Path | None, lang: str | None) -> None:
    """Watch a self-hosted LLM chat service, and say what is wrong when it is stuck.

    Exit codes of check, status and triage: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    context.obj = Options(config, definitions, lang)


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--output", type=FORMATS, help="Default: nagios for one check, text for several.")
@click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
@click.option("-t", "--timeout", metavar="SECONDS[:STATE]", help="Time for each probe, and the state it leads to.")
@click.option("--from", "bundle", type=_PATH, metavar="BUNDLE", help="Judge a recorded bundle instead of this host.")
@click.option("--no-record", is_flag=True, help="Do not write to the history, and send no mail.")
@click.option("--submit", is_flag=True, help="Also hand the results to Nagios and Icinga, as configured (submit).")
@click.option("--host", metavar="NAME", help="The host's name for nagios-passive and --submit.")
@click.option("-w", "--warning", "warn", multiple=True, metavar="[METRIC=]RANGE", help="Replace a threshold.")
@click.option("-c", "--critical", "crit", multiple=True, metavar="[METRIC=]RANGE", help="Replace a threshold.")
@click.option("-v", "--verbose", "verbosity", count=True, help="Where values were read; -vv: and how they were judged.")
@pass_options
def check(options: Options, /, **given: object) -> int:
    """Run checks: all, or those named. Without a terminal it is a Nagios plugin."""
    from opskit.cli.check import check as body

    return body(options, **given)  # type: ignore[arg-type]  # click hands over what is declared above
