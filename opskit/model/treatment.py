"""What was done about a cause: each command that was offered, what became of it, and whether it helped.

Made by `app` after a diagnosis, shown by every report of triage, kept with the diagnosis in the history.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from opskit.model.diagnosis import Measured, Outcome
from opskit.model.message import Message
from opskit.model.playbook import Answer, Risk

Fate = Literal["ended", "late", "interrupted", "not-started", "declined", "not-asked"]
"""`late` and `interrupted`: it was stopped before its end; `not-asked`: nobody was there to confirm it."""

STARTED: frozenset[Fate] = frozenset({"ended", "late", "interrupted"})


class Attempt(msgspec.Struct, frozen=True):
    """One command of a remedy.

    `at` is in epoch seconds, None where it was not started. `code` is its exit code, negative for the signal that ended
    it, None where it did not come to its own end. `output` is what it printed, secrets removed, with its middle left
    out where `left_out` bytes were too many. `lingers`: something that it started still held its output at its end.
    `why` says what kept it from starting.
    """

    run: tuple[str, ...]
    risk: Risk | None
    fate: Fate
    at: float | None = None
    seconds: float = 0.0
    code: int | None = None
    output: str = ""
    left_out: int = 0
    lingers: bool = False
    why: Message | None = None
    undo: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """True where it may have changed something: it was started, and is not known to be read-only."""
        return self.fate in STARTED and self.risk != "read-only"


class Verified(msgspec.Struct, frozen=True):
    """Whether the condition of a cure held, on which values, and after how many seconds of looking."""

    holds: Answer
    measured: tuple[Measured, ...] = ()
    seconds: float = 0.0


class Treatment(msgspec.Struct, frozen=True):
    """All that was done. `before` is from the diagnosis; `after` is None where nothing was changed or looked at."""

    before: Verified
    attempts: tuple[Attempt, ...] = ()
    after: Verified | None = None
    stopped: bool = False
    """Somebody pressed Ctrl-C."""

    @property
    def changed(self) -> bool:
        """True where some command may have changed something."""
        return any(attempt.changed for attempt in self.attempts)


_OUTCOMES: dict[Outcome, int] = {"healthy": 0, "fault": 2, "unknown": 3}
_CURES: dict[Answer, int] = {"yes": 0, "no": 2, "unknown": 3}


def exit_code(outcome: Outcome, treatment: Treatment | None = None) -> int:
    """Return the exit code of triage: by the diagnosis, or by the look after something was done about it."""
    if treatment is None or treatment.after is None:
        return _OUTCOMES[outcome]
    return _CURES[treatment.after.holds]
