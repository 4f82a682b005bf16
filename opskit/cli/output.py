"""The way out: reports to stdout, everything else to stderr; JSON with the same encoder everywhere."""

from __future__ import annotations

import json
import sys
from typing import Any

from opskit.app.context import Context, load_context
from opskit.cli.options import Options
from opskit.model.message import Message


def context_of(options: Options, lang: str | None = None) -> Context:
    """Load what the options name. Raises DefinitionError."""
    return load_context(options.config, options.definitions, lang or options.lang)


def out(text: str) -> None:
    """Print a report."""
    sys.stdout.write(text + "\n")


def out_json(value: Any) -> None:
    """Print one JSON object; bytes of logs that are no text become escapes, so that it stays valid UTF-8."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def say_aside(context: Context, message: Message) -> None:
    """Print a remark to stderr."""
    sys.stderr.write(f"opskit: {context.reader.read(message)}\n")
