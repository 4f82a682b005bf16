"""Who decides on the commands of a remedy: the person at the terminal, or nobody. All of it is said on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import termios
from collections.abc import Iterable

from opskit.app.remedy import Decision, limit_of
from opskit.cli.output import err
from opskit.model.message import Message, say
from opskit.model.playbook import Remedy
from opskit.model.reader import Reader
from opskit.model.treatment import STARTED, Attempt
from opskit.report.told import Line, Told
from opskit.report.treatment_md import output_lines
from opskit.report.treatment_text import ending
from opskit.report.triage_text import advice_lines, headline, rows

_NARROWEST = 40
_YES = frozenset({"y", "yes", "是"})
_QUIT = frozenset({"q", "quit"})


def interactive(*, no_input: bool) -> bool:
    """Return whether a person can be asked: at both ends a terminal, and no promise that there is nobody."""
    if no_input or os.environ.get("CI"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class Hand:
    """Asks for each command. With `yes` what is read-only is run unasked, and without `person` nothing else is."""

    def __init__(self, reader: Reader, *, person: bool, yes: bool) -> None:
        self._reader = reader
        self._person = person
        self._yes = yes

    def opens(self, told: Told, *, shown: bool) -> None:
        """Say what it is about, where the report was not shown, and with whose rights commands are run."""
        finding = told.diagnosis.finding
        if finding is not None and not shown:
            self._show([Line(headline(told, self._reader)), Line(self._reader.read(finding.cause.summary))])
        if os.geteuid() != 0:
            self._say(say("not root: some commands may be refused; nothing is run with sudo"))

    def decides(self, remedy: Remedy, number: int, count: int) -> Decision:
        """Show the command, and ask where a person is to decide."""
        unasked = self._yes and remedy.risk == "read-only"
        if not unasked and not self._person:
            return "not-asked"
        self._show([Line(""), *advice_lines(number, remedy, self._reader)])
        if remedy.risk is None:
            self._say(say("what it may change is not stated: take it for disruptive"))
        if unasked:
            return "yes"
        return self._ask(say("Run it ({number} of {count}, at most {seconds} s)? [y/N/q]",
                                 number=number, count=count, seconds=int(limit_of(remedy))))  # fmt: skip

    def hears(self, attempt: Attempt) -> None:
        """Show what a command printed, and how it ended."""
        if attempt.fate in STARTED:
            self._show(Line(f"  | {line}", whole=True) for line in output_lines(attempt))
        if attempt.fate in STARTED or attempt.fate == "not-started":
            self._say(ending(attempt))

    def waits(self, seconds: float) -> None:
        """Say why there is a pause."""
        self._say(say("looking whether it helped, for at most {seconds} s", seconds=f"{seconds:g}"))

    def _ask(self, question: Message) -> Decision:
        try:
            # What was typed before the question was there is no answer to it.
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
            err(self._reader.read(question), end=" ")
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            err("")
            return "stop"
        except (OSError, ValueError, termios.error):  # the terminal went away
            return "quit"
        word = answer.strip().lower()
        if word in _YES:
            return "yes"
        return "quit" if word in _QUIT or not answer else "no"

    def _say(self, message: Message) -> None:
        self._show([Line(self._reader.read(message))])

    def _show(self, lines: Iterable[Line]) -> None:
        for row in rows(lines, max(_NARROWEST, shutil.get_terminal_size().columns) if self._person else 0):
            err(row)
