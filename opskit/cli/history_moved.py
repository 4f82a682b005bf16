"""`opskit history export` and `import`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from opskit.app.clock import now
from opskit.app.exported import read_export, written
from opskit.app.memory import open_memory
from opskit.app.window import point
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, say_aside
from opskit.model.message import say


def export(options: Options, /, path: Path | None, since: str | None, until: str | None) -> int:
    """Write the lines to a new file or to stdout."""
    context, moment = context_of(options), now()
    try:
        begin = point(since, moment) if since else float("-inf")
        end = point(until, moment) if until else float("inf")
    except ValueError as error:
        raise click.UsageError(f"--since, --until: {error}") from None
    with closing(open_memory(context)) as store:
        lines = written(store, begin, end, moment)
        if path is None:
            for line in lines:
                sys.stdout.write(line)
            return 0
        try:
            # Nobody else's file is written over: not by a mistyped name either.
            with path.open("x", encoding="ascii") as file:
                count = sum(file.write(line) > 0 for line in lines) - 1
        except FileExistsError:
            raise click.UsageError(f"{path} is there already: name a new file") from None
    say_aside(context, say("{n} rows are in {path}", n=count, path=str(path)))
    return 0


def bring_in(options: Options, path: Path) -> int:
    """Check every line, then take them in."""
    context = context_of(options)
    total = read_export(path)
    with closing(open_memory(context)) as store:
        new, strangers = total.into(store)
    out(context.reader.read(say("{n} rows of {m} were new", n=new, m=total.count)))
    if strangers:
        text = say("left out: numbers of {checks}, of which no state is in the file or here; run them once, then again",
                   checks=", ".join(strangers))  # fmt: skip
        say_aside(context, text)
    return 0
