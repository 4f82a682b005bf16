"""What the reports of triage are made from, live, replayed or out of the history."""

from __future__ import annotations

import msgspec

from opskit.model.diagnosis import Diagnosis, Measured
from opskit.model.message import Message
from opskit.model.playbook import Playbook
from opskit.model.problem import Lines
from opskit.model.treatment import Treatment, exit_code


class Told(msgspec.Struct, frozen=True):
    """A diagnosis with what its words refer to: the playbook, the time of the evidence, the time it took.

    `origin` is the bundle of a replay. `host` is where the evidence is from, `versions` are those of the programs that
    judged it, `recorded_with` of those that a bundle was made with. `took`: seconds by probe until its facts were
    there. `notes`: what the parts told of themselves. `treatment`: what was done about it, None where nothing was.
    `past`: `at` was over when the logs were read. `request`: what became of the request that was asked about, with its
    lines, and `became` the same in words.
    """

    diagnosis: Diagnosis
    playbook: Playbook
    at: float
    seconds: float
    origin: str = ""
    host: str = ""
    versions: dict[str, str] = {}
    recorded_with: dict[str, str] = {}
    took: dict[str, float] = {}
    notes: tuple[Message, ...] = ()
    treatment: Treatment | None = None
    past: bool = False
    request: tuple[Measured, ...] = ()
    became: tuple[Message, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit code of triage."""
        return exit_code(self.diagnosis.outcome, self.treatment)

    @property
    def verify(self) -> str:
        """The condition of the cure, empty where no cause was named."""
        return self.diagnosis.finding.cause.verify if self.diagnosis.finding else ""


class Line(msgspec.Struct, frozen=True):
    """A line of a report; a command to copy is never broken."""

    text: str
    whole: bool = False


def slim(told: Told) -> Told:
    """Return the same without what no report shows: that is most of a playbook."""
    asked = {answered.step for answered in told.diagnosis.walked}
    steps = {name: step for name, step in told.playbook.steps.items() if name in asked}
    playbook = msgspec.structs.replace(
        told.playbook, params={}, probes={}, steps=steps, causes={}, source="", lines=Lines()
    )
    diagnosis = msgspec.structs.replace(told.diagnosis, others=())
    return msgspec.structs.replace(told, playbook=playbook, diagnosis=diagnosis)
