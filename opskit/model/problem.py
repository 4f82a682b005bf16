"""What is wrong in a file that a person wrote, and where. Every reader of definitions collects these.

A place inside of a file is the way to it, keys and positions from the top: `"rules", 0, "metric"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from opskit.model.message import Message, Translate, say
from opskit.model.printable import printable
from opskit.model.text import Text

Place = tuple[str | int, ...]


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

    def placed(self) -> Message:
        """The same as a message, for those who show it among others."""
        if not self.line:
            return say("{source}: {text}", source=self.source, text=self.text)
        return say("{source}:{line}: {text}", source=self.source, line=self.line, text=self.text)


class Lines(msgspec.Struct, frozen=True):
    """The line of a place, and of all places inside of it: what a definition keeps of the file that it was read from.

    A definition that no file says has the empty `Lines()`, where everything stands in line 0.
    """

    line: int = 0
    inside: dict[str | int, Lines] = {}

    def at(self, *place: str | int) -> Lines:
        """Return the part for a place; for one that is not written, the line alone of what it would stand in."""
        here = self
        for name in place:
            here = here.inside.get(name) or Lines(here.line)
        return here

    def of(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest around it."""
        return self.at(*place).line


def spelled(*place: str | int) -> str:
    """Return a place as messages write it: `rules[0].metric`."""
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in place).removeprefix(".")


def untranslated(where: Callable[..., tuple[str, int]], texts: Iterable[tuple[Place, Text]]) -> Iterator[Problem]:
    """Advise to translate: a text in one language does not stop a site's own file from working.

    `where` tells the file and the line of a place.
    """
    for place, text in texts:
        if not text.zh:
            said = say("{where}: no Chinese text", where=spelled(*place))
            yield Problem(*where(*place), said, advice=True)


class DefinitionError(Exception):
    """A definition or the configuration cannot be used. Carries every problem found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.source, problem.line)))
        super().__init__("\n".join(problem.render() for problem in self.problems))
