"""What all pictures of a playbook share: questions and conditions with their numbers filled in, and the ways onward."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opskit.model.message import Message, say
from opskit.model.playbook import Answer, Playbook, Step, Target
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.regex import regex

_WORD = regex(r"'[^']*'|\"[^\"]*\"|(?<![\w.])[a-z]\w*(?![\w.])")
_ORDER: tuple[Answer, ...] = ("yes", "no", "unknown")
_LONGEST = 1000
ANSWERS = {"yes": say("yes"), "no": say("no"), "unknown": say("unknown")}
_ENDS: dict[str, Message] = {"healthy": say("healthy"), "unknown": say("cannot tell")}


def question_of(book: Playbook, step: Step, reader: Reader) -> str:
    """Return a step's question with the numbers of the contract filled in."""
    text = reader.read(step.ask)
    for name, param in book.params.items():
        text = text.replace(f"{{{name}}}", f"{param.default:g}")
    return printable(text, _LONGEST)


def condition_of(book: Playbook, text: str) -> str:
    """Return a condition in one line, each parameter replaced by its number."""

    def filled(found: re.Match[str]) -> str:
        param = book.params.get(found[0])
        return found[0] if param is None else f"{param.default:g}"

    return printable(_WORD.sub(filled, " ".join(text.split())), _LONGEST)


def branches(step: Step) -> Iterator[tuple[tuple[Answer, ...], Target]]:
    """Yield where a step leads, answers that lead to the same place together."""
    targets: dict[Target, list[Answer]] = {}
    for answer in _ORDER:
        targets.setdefault(step.then[answer], []).append(answer)
    yield from ((tuple(answers), target) for target, answers in targets.items())


def answers_text(answers: tuple[Answer, ...], reader: Reader) -> str:
    """`no, unknown`."""
    return ("、" if reader.lang == "zh" else ", ").join(reader.read(ANSWERS[answer]) for answer in answers)


def target_text(book: Playbook, target: Target, reader: Reader) -> str:
    """Return a place as a person says it: a cause with its sentence, an end in words, a step by its name."""
    if target.cause is not None:
        return f"{target.cause} {printable(reader.read(book.causes[target.cause].summary), _LONGEST)}"
    if target.end is not None:
        return reader.read(_ENDS[target.end])
    return target.step or ""
