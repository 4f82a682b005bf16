"""`opskit playbook`: the tree of its commands. Bodies are imported when they run."""

from __future__ import annotations

from pathlib import Path

import click

from opskit.cli.options import Options

_PATH = click.Path(path_type=Path)
_lang = click.option("--lang", type=click.Choice(["en", "zh"]), help="Language of the output.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
pass_options = click.make_pass_decorator(Options)


@click.group()
def playbook() -> None:
    """Look at decision trees, draw them, test them."""


@playbook.command("list")
@_json
@_lang
@pass_options
def list_all(options: Options, /, **given: object) -> int:
    """List the playbooks in force, and which file each comes from."""
    from opskit.cli.playbook import list_all as body

    return body(options, **given)  # type: ignore[arg-type]  # click hands over what is declared above


@playbook.command()
@click.argument("name", metavar="PLAYBOOK|CAUSE")
@click.argument("part", metavar="[STEP|CAUSE]", required=False)
@_json
@_lang
@pass_options
def show(options: Options, /, **given: object) -> int:
    """Show a playbook: its stages, each question with its condition, where the answers lead, the causes.

    With STEP that one question; with CAUSE, such as OPS403, the page of that cause.
    """
    from opskit.cli.playbook import show as body

    return body(options, **given)  # type: ignore[arg-type]


@playbook.command()
@click.argument("name", metavar="PLAYBOOK")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot"]),
    default="text",
    show_default=True,
    help="Indented lines, a Mermaid flowchart, or a Graphviz digraph.",
)
@_lang
@pass_options
def graph(options: Options, /, **given: object) -> int:
    """Draw a playbook."""
    from opskit.cli.playbook import graph as body

    return body(options, **given)  # type: ignore[arg-type]


@playbook.command()
@click.argument("files", nargs=-1, type=_PATH, metavar="[FILE]...")
@click.option("--coverage", is_flag=True, help="Also say which answers and causes no test reaches.")
@_json
@_lang
@pass_options
def test(options: Options, /, **given: object) -> int:
    """Run tests of playbooks: facts or a bundle, and where the walk must come to with them.

    Without FILE those in the folder tests beside the playbooks of --definitions and of /etc/opskit. Exit codes: 0 all
    passed, 2 something differs, 3 a file cannot be used.
    """
    from opskit.cli.playbook_test import test as body

    return body(options, **given)  # type: ignore[arg-type]
