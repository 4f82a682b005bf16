"""What is found about a configuration, fact by fact: its value, the line that proves it, or why it cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from opskit.model.evidence import Evidence
from opskit.model.message import Message
from opskit.model.reading import Fact
from opskit.probes.nginx_config_evidence import Config, Directive
from opskit.probes.nginx_config_level import DoubtError, path_of

_MOST_PROOFS = 5
_MOST_NOTES = 40


class Told(NamedTuple):
    """A value, the directives it was read from, and what to say of it where it is a weakness: a line with a remedy."""

    value: Fact
    by: Sequence[Directive] = ()
    note: Message | None = None


class Findings:
    """Collected by those who tell; `at` is the time of the evidence in seconds of the epoch."""

    def __init__(self, config: Config, at: float) -> None:
        self.config, self.at = config, at
        self.facts: dict[str, Fact] = {}
        self.evidence: dict[str, tuple[Evidence, ...]] = {}
        self.why: dict[str, Message] = {}
        self.notes: list[Message] = []

    def ask(self, name: str, answer: Callable[[], Told]) -> None:
        """Take in a fact; where it cannot be told, why not."""
        try:
            told = answer()
        except DoubtError as doubt:
            self.facts[name], self.why[name] = None, doubt.reason
            return
        self.facts[name] = told.value
        if told.by:
            self.evidence[name] = tuple(self.proof(each) for each in told.by[:_MOST_PROOFS])
        if told.note is not None:
            self.note(told.note)

    def leave_out(self, names: Iterable[str], reason: Message) -> None:
        """Give the reason for all facts of these that nothing was told about."""
        for name in names:
            if name not in self.facts:
                self.facts[name], self.why[name] = None, reason

    def proof(self, directive: Directive) -> Evidence:
        """Where a directive stands."""
        return Evidence(path_of(self.config, directive), str(directive), line=directive.line)

    def note(self, text: Message) -> None:
        """Add a line, once."""
        if text not in self.notes and len(self.notes) < _MOST_NOTES:
            self.notes.append(text)
