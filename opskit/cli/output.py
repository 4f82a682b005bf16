"""The way out: reports to stdout, everything else to stderr; JSON with the same encoder everywhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from opskit.app.context import Context, load_context
from opskit.cli.options import Options
from opskit.definitions import settings
from opskit.definitions.search import lab_marker
from opskit.model.message import Message, say
from opskit.model.printable import printable


def context_of(options: Options, lang: str | None = None) -> Context:
    """Load what the options name, or the lab of this user where one is up. Raises DefinitionError."""
    config = options.config or _of_the_lab()
    context = load_context(config, options.definitions, lang or options.lang)
    if config is not options.config:
        say_aside(context, say("no configuration, so this is about the lab: {config}", config=str(config)))
    return context


def plain_context(options: Options, lang: str | None = None) -> Context:
    """Load what the options name, for what does not look at this host: a lab that is up does not matter.

    Raises DefinitionError.
    """
    return load_context(options.config, options.definitions, lang or options.lang)


def _of_the_lab() -> Path | None:
    """The configuration of a lab that is up, for whoever has none: production is never mistaken for it."""
    if settings.locate(None, os.environ) is not None or not lab_marker(os.environ).exists():
        return None
    from opskit.lab.record import LabError, found  # it brings half of the lab along

    try:
        record = found()
    except LabError as error:  # whatever is left of a lab, this host can be looked at
        sys.stderr.write(f"opskit: {printable(str(error), 2000)}\n")
        return None
    return record.plan.config_file if record is not None and record.alive() else None


def out(text: str) -> None:
    """Print a report."""
    sys.stdout.write(text + "\n")


def err(text: str, end: str = "\n") -> None:
    """Print to stderr what goes along with a report: questions, progress."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def out_json(value: Any) -> None:
    """Print one JSON object; bytes of logs that are no text become escapes, so that it stays valid UTF-8."""
    import json  # most commands print a text

    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def say_aside(context: Context, message: Message) -> None:
    """Print a remark to stderr."""
    sys.stderr.write(f"opskit: {context.reader.read(message)}\n")
