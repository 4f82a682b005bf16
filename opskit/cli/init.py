"""`opskit init`: what is found, and the file that says so."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from tabulate import tabulate

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.app.init import InitError, discover, rendered, target, unreadable, write
from opskit.cli.options import Options
from opskit.cli.output import out, plain_context, say_aside
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.probes.discovery import Discovery, Found, Missing, Note


def init(
    options: Options, /, yes: bool, dry_run: bool, output: Path | None, nginx_conf: Path | None, no_input: bool
) -> int:
    """Look, show, and write what is agreed to. Raises InitError."""
    context, path = plain_context(options), target(output)
    if path.exists() and not dry_run:
        raise InitError(say("{path} is there already and stays as it is: --output names another file", path=str(path)))
    found = discover(nginx_conf)
    text = rendered(found, context.reader, now().date())
    if dry_run:
        out(text.rstrip("\n"))
        return 0
    _show(found, context)
    if not yes and not _agreed(path, context, no_input=no_input):
        _say(context, say("nothing is written; --yes writes without asking, --dry-run shows the file"))
        return 3
    write(path, text)
    _say(context, say("written: {path}", path=str(path)))
    for trouble in unreadable(found):
        say_aside(context, trouble)
    _say(context, say("next: opskit check, and who is told: notify in that file"))
    return 0


def _show(found: list[Discovery], context: Context) -> None:
    reader = context.reader
    known = [[each.key, _value(each), reader.read(each.how)] for each in found if isinstance(each, Found)]
    if known:
        titles = [reader.read(title) for title in (say("KEY"), say("VALUE"), say("HOW IT WAS FOUND"))]
        out(tabulate(known, titles, tablefmt="plain", disable_numparse=True))
    for each in found:
        if isinstance(each, Missing):
            _say(context, say("not found: {part}: {advice}", part=each.part, advice=each.advice))
        elif isinstance(each, Note):
            _say(context, say("{part}: {text}", part=each.part, text=each.text))


def _value(each: Found) -> str:
    return ", ".join(each.value) if isinstance(each.value, tuple) else printable(str(each.value))


def _agreed(path: Path, context: Context, *, no_input: bool) -> bool:
    if no_input or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return click.confirm(context.reader.read(say("Write {path}?", path=str(path))), err=True)


def _say(context: Context, message: Message) -> None:
    out(context.reader.read(message))
