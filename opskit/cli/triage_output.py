"""What `opskit triage` is asked for besides a diagnosis, and where that goes: the screen, the history, a transcript."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from opskit.app.context import Context
from opskit.app.transcript import Transcript, TranscriptError
from opskit.app.triage_memory import TriageMemory
from opskit.cli.output import out, out_json, say_aside
from opskit.cli.triage_wanted import Wanted
from opskit.model.reader import Reader
from opskit.report.told import Told
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import triage_text


class Record:
    """Where a diagnosis is written down: the history, for one of this host, and the transcript that was asked for."""

    def __init__(self, context: Context, wanted: Wanted, *, live: bool) -> None:
        self._context = context
        self._memory = TriageMemory(context) if live else None
        self._transcript = Transcript(wanted.md) if wanted.md is not None else None
        self.incomplete = False

    def keep(self, told: Told) -> None:
        """Put it into the history; what hinders that is said, and spoils nothing."""
        trouble = self._memory.keep(told) if self._memory is not None else None
        if trouble is not None:
            say_aside(self._context, trouble)

    def attempt(self, told: Told) -> None:
        """Write the transcript as far as things are; a disk that is full by now must not stop a cure half-way."""
        try:
            self.write(told)
        except TranscriptError as error:
            if not self.incomplete:
                say_aside(self._context, error.message)
            self.incomplete = True
        else:
            self.incomplete = False

    def write(self, told: Told) -> None:
        """Write the transcript. Raises TranscriptError."""
        if self._transcript is not None:
            self._transcript.write(triage_md(told, self._context.reader))


def show(told: Told, reader: Reader, wanted: Wanted) -> None:
    """Print the report."""
    with a_reader_may_leave():
        if wanted.as_json:
            out_json(triage_json(told, reader))
        else:
            out(triage_text(told, reader, width(), every=wanted.verbose))


@contextmanager
def a_reader_may_leave() -> Iterator[None]:
    """Print to the end what begins inside: a reader such as `head` that goes away changes neither code nor records."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def width() -> int:
    """Wrap for a terminal; in a pipe lines stay whole, so that they can be searched."""
    return max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
