"""The one question that a person can answer and no machine: what do users see? One key, and it can be left out."""

from __future__ import annotations

import sys
import termios
import tty

from opskit.app.context import Context
from opskit.app.run_triage import PERSON, Known, Triage, again
from opskit.cli.output import err
from opskit.cli.triage_hand import interactive
from opskit.model.message import say
from opskit.model.playbook import Symptom

_KEYS: dict[str, Symptom] = {"w": "waiting", "e": "error", "m": "empty", "s": "slow"}


def asked(done: Triage, context: Context, *, no_input: bool) -> Triage:
    """Ask where the answer may change the verdict, and walk again with it; without a person nothing is asked."""
    if not _helps(done) or not interactive(no_input=no_input):
        return done
    question = say("What do users see? [w]aiting, [e]rror, e[m]pty answer, [s]low answer; any other key: not known ")
    err(context.reader.read(question), end="")
    symptom = _KEYS.get(_key(), "untold")
    err(symptom)
    return again(done, Known(symptom)) if symptom != "untold" else done


def _helps(done: Triage) -> bool:
    """No cause was named, or several were seen: then what users see tells which of them it is, or that there is one."""
    playbook, found = done.tree.playbook, done.diagnosis
    if PERSON not in {use.probe for use in playbook.probes.values()}:
        return False
    return found.outcome == "unknown" or bool(found.also_seen)


def _key() -> str:
    """One key, without Return; nothing where the terminal went away."""
    try:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except (OSError, ValueError, termios.error):
        return ""
    try:
        termios.tcflush(number, termios.TCIFLUSH)
        tty.setcbreak(number)
        return sys.stdin.read(1).lower()
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
