"""What is wrong in a file that a person wrote, and where. Every reader of definitions collects these."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from opskit.model.message import Message, Translate
from opskit.model.printable import printable


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `line` counts from 1; 0 means the whole file. An `advice` does not make the file invalid."""

    source: str
    line: int
    text: Message
    advice: bool = False

    def render(self, translate: Translate = str, lang: str = "en") -> str:
        """`file:line: what is wrong, what was expected`."""
        source = printable(self.source, 1000)  # a file's name may hold anything but a slash
        place = f"{source}:{self.line}" if self.line else source
        return f"{place}: {self.text.render(translate, lang)}"


class DefinitionError(Exception):
    """A definition or the configuration cannot be used. Carries every problem found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.source, problem.line)))
        super().__init__("\n".join(problem.render() for problem in self.problems))
