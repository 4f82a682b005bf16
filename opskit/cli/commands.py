"""The tree of commands. Each body stands in its own module and is imported when the command runs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from opskit.cli.options import Options

FORMATS = click.Choice(["nagios", "text", "json", "checkmk", "nagios-passive"])
_PATH = click.Path(path_type=Path)


pass_options = click.make_pass_decorator(Options)
_GROUPS = ("alerts", "baseline", "history", "lab", "logs", "playbook", "report")


class _Cli(click.Group):
    """The commands of this file, and groups with modules of their own, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_GROUPS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _GROUPS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(f"opskit.cli.{cmd_name}_commands"), cmd_name)
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


@cli.command()
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


@cli.command()
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


@cli.command()
@click.option("-o", "--output", "path", type=_PATH, required=True, help="FILE.tar.gz, or a new folder.")
@click.option("--pseudonyms", is_flag=True, help="Replace users and addresses by consistent pseudonyms.")
@click.option("-t", "--timeout", type=float, default=20.0, show_default=True, help="Seconds for each probe.")
@pass_options
def snapshot(options: Options, path: Path, pseudonyms: bool, timeout: float) -> int:
    """Collect what every probe sees now into a bundle, secrets removed."""
    from opskit.cli.snapshot import snapshot as body

    return body(options, path, pseudonyms=pseudonyms, timeout=timeout)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def status(options: Options, as_json: bool) -> int:
    """Show the latest state of every check."""
    from opskit.cli.status import status as body

    return body(options, as_json=as_json)


@cli.command()
@click.argument("folder", required=False, type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def lint(options: Options, folder: Path | None, as_json: bool) -> int:
    """Check the configuration and all definitions; FOLDER is the same as --definitions FOLDER."""
    from opskit.cli.lint import lint as body

    return body(options, folder, as_json=as_json)


@cli.command()
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


@cli.command()
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@click.option("--user", is_flag=True, help="systemd: a service of this user alone, without root.")
@click.option("--dry-run", is_flag=True, help="Show the files, write nothing.")
@pass_options
def install(options: Options, /, **given: object) -> int:
    """Write the files with which systemd or cron starts opskit, and say what to run then."""
    from opskit.cli.install import install as body

    return body(options, **given)  # type: ignore[arg-type]


@cli.command()
@click.argument("folder", required=False, type=_PATH)
@pass_options
def demo(options: Options, folder: Path | None) -> int:
    """Show what opskit does, on this host and on recorded incidents."""
    from opskit.cli.demo import demo as body

    return body(options, folder)
