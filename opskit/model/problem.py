"""What is wrong in a file that a person wrote, and where. Every reader of definitions collects these."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from opskit.model.message import Message, Translate


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `line` counts from 1; 0 means the whole file. An `advice` does not make the file invalid."""

    source: str
    line: int
    text: Message
    advice: bool = False

    def render(self, translate: Translate = str, lang: str = "en") -> str:
        """`file:line: what is wrong, what was expected`."""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.text.render(translate, lang)}"


class DefinitionError(Exception):
    """A definition or the configuration cannot be used. Carries every problem found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.source, problem.line)))
        super().__init__("\n".join(problem.render() for problem in self.problems))
