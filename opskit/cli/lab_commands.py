"""`opskit lab`: the tree of its commands. Bodies stand in `lab` and are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
pass_options = click.make_pass_decorator(Options)


@click.group()
def lab() -> None:
    """The practice stack: the whole chain on loopback, with faults to inject.

    While a lab is up and there is no configuration file, every opskit command looks at the lab.
    """


@lab.command()
@click.option(
    "--profile",
    type=click.Choice(["reference", "recommended"]),
    default="reference",
    show_default=True,
    help="Nginx's site: as deployed, or without its weaknesses.",
)
@click.option(
    "--engine",
    type=click.Choice(["scripted", "llama"]),
    default="scripted",
    show_default=True,
    help="What answers: quick and always the same, or a real small model.",
)
@click.option("--generation", type=click.Choice(["0.12", "0.30"]), default="0.30", show_default=True, help="Of Ollama.")
@click.option("--gpus", type=click.IntRange(1, 8), default=1, show_default=True, help="Graphics cards.")
@click.option("--journal", is_flag=True, help="Let opskit read Ollama's and the kernel's log from a journal.")
@click.option("--dir", "directory", type=_PATH, help="Folder for everything the lab writes.")
@pass_options
def up(options: Options, /, **given: object) -> int:
    """Start the whole chain and wait until every part answers."""
    from opskit.cli.lab import up as body

    return body(options, **given)  # type: ignore[arg-type]  # click hands over what is declared above


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def status(options: Options, as_json: bool) -> int:
    """Show parts, ports, logs, and which faults are in."""
    from opskit.cli.lab import status as body

    return body(options, as_json=as_json)


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@pass_options
def faults(options: Options, as_json: bool) -> int:
    """List the faults, and the controls that must accuse nobody."""
    from opskit.cli.lab import list_faults as body

    return body(options, as_json=as_json)


@lab.command(name="break")
@click.argument("ids", nargs=-1, required=True, metavar="FAULT...")
@pass_options
def break_(options: Options, ids: tuple[str, ...]) -> int:
    """Bring faults in; several at once if you like."""
    from opskit.cli.lab import break_in as body

    return body(options, ids)


@lab.command()
@pass_options
def heal(options: Options) -> int:
    """Take all faults out again."""
    from opskit.cli.lab import heal as body

    return body(options)


@lab.command()
@pass_options
def down(options: Options) -> int:
    """Stop the lab, also the remains of one that died."""
    from opskit.cli.lab import down as body

    return body(options)


@lab.command()
@click.option("--users", type=click.IntRange(1, 200), default=8, show_default=True, help="At once.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=10, show_default=True, help="How long.")
@click.option(
    "--asks",
    type=click.Choice(["chat", "api", "long"]),
    default="chat",
    show_default=True,
    help="Through Clawdbot, by the API, or with questions of 8000 characters.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_options
def load(options: Options, users: int, seconds: float, asks: str, as_json: bool) -> int:
    """Let users ask for a while, and say what became of their questions."""
    from opskit.cli.lab_drill import load as body

    return body(options, users, seconds, asks, as_json=as_json)


@lab.command()
@click.argument("name")
@click.option("--into", type=_PATH, default=Path("sample_logs"), show_default=True, help="Folder of the bundles.")
@pass_options
def record(options: Options, name: str, into: Path) -> int:
    """Record fault NAME as a bundle with its truth: break, let users ask, snapshot, heal."""
    from opskit.cli.lab_drill import record as body

    return body(options, name, into)


@lab.command()
@click.argument("ids", nargs=-1, metavar="[FAULT]...")
@click.option("--all", "which", flag_value="all", help="Every fault and every control.")
@click.option("--pairs", "which", flag_value="pairs", help="Ten faults, every two of them at once.")
@click.option("--without", multiple=True, metavar="EVIDENCE", help="What triage may not see: journal, nginx-logs, ...")
@click.option("--blinds", is_flag=True, help="In each run ask again without each kind of evidence.")
@click.option("--keep", type=_PATH, metavar="FOLDER", help="Keep what triage said in each run.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the users' habits.")
@click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="Rounds.")
@click.option("--json", "path", type=_PATH, metavar="FILE", help="Also write the result as JSON.")
@pass_options
def drill(
    options: Options,
    ids: tuple[str, ...],
    which: str | None,
    without: tuple[str, ...],
    blinds: bool,
    keep: Path | None,
    seed: int,
    repeat: int,
    path: Path | None,
) -> int:
    """Rehearse incidents: break, ask triage, compare with the truth, heal, and score. FAULT+FAULT are two at once.

    Exit code 0 where every fault was present, seen by users and healed, whatever triage said; else 2.
    """
    from opskit.cli.lab_drill import drill as body
    from opskit.lab.drill import Wish

    return body(options, ids, which, Wish(seed, repeat, keep, without, blinds), path)
