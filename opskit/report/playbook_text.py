"""A playbook for a person at a terminal: the list of all, the whole of one by its stages, or one step of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import tabulate

from opskit.model.message import say
from opskit.model.playbook import Playbook, Step
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.playbook_words import answers_text, branches, condition_of, question_of, target_text
from opskit.report.wrapping import wrapped


def list_text(books: Sequence[Playbook], reader: Reader) -> str:
    """Return a table of the playbooks."""
    titles = [say("PLAYBOOK"), say("STEPS"), say("CAUSES"), say("TITLE"), say("FROM")]
    table = [
        [book.id, len(book.steps), len(book.causes), reader.read(book.title), printable(book.source, 1000)]
        for book in books
    ]
    return tabulate(table, [reader.read(title) for title in titles], tablefmt="plain", disable_numparse=True)


def book_text(book: Playbook, reader: Reader, width: int = 100) -> str:
    """Return the stages with their questions, and the causes that they lead to."""
    return _rows(_book(book, reader), width)


def step_text(book: Playbook, step: Step, reader: Reader, width: int = 100) -> str:
    """Return one question with its condition, what it shows, and where its answers lead."""
    return _rows(_whole_step(book, step, reader), width)


def spine_text(book: Playbook, reader: Reader, width: int = 0) -> str:
    """Return the tree as indented lines, stage by stage, without the conditions."""
    return _rows(_spine(book, reader), width)


def _rows(lines: Iterator[str], width: int) -> str:
    return "\n".join(row for line in lines for row in wrapped(line, width))


def _book(book: Playbook, reader: Reader) -> Iterator[str]:
    yield f"{book.id}: {reader.read(book.title)}"
    yield printable(book.source, 1000)
    for number, title in enumerate(book.stages, 1):
        yield ""
        yield f"{number}. {reader.read(title)}"
        for step in book.steps.values():
            if step.stage == number:
                yield from (f"   {line}" for line in _step(book, step, reader))
    yield ""
    yield reader.read(say("Causes"))
    for code in sorted(book.causes):
        yield f"   {code}  {printable(reader.read(book.causes[code].summary))}"


def _step(book: Playbook, step: Step, reader: Reader) -> Iterator[str]:
    yield f"{step.id}: {question_of(book, step, reader)}"
    yield f"   {condition_of(book, step.when)}"
    yield from _ways(book, step, reader)


def _ways(book: Playbook, step: Step, reader: Reader) -> Iterator[str]:
    for answers, target in branches(step):
        yield f"   {answers_text(answers, reader)} -> {target_text(book, target, reader)}"


def _whole_step(book: Playbook, step: Step, reader: Reader) -> Iterator[str]:
    stage = reader.read(book.stages[step.stage - 1])
    yield f"{step.id}: {question_of(book, step, reader)}"
    yield reader.read(say("Stage {number}: {title}", number=step.stage, title=stage))
    condition, shows = reader.read(say("Condition:")), reader.read(say("Shows:"))
    yield f"{condition} {condition_of(book, step.when)}"
    if step.evidence:
        yield f"{shows} {', '.join(step.evidence)}"
    yield from _ways(book, step, reader)
    before = [other.id for other in book.steps.values() if step.id in {to.step for to in other.then.values()}]
    if before:
        yield reader.read(say("Comes after: {steps}", steps=", ".join(before)))
    elif step.id == book.start:
        yield reader.read(say("The walk begins here."))


def _spine(book: Playbook, reader: Reader) -> Iterator[str]:
    yield f"{book.id}: {reader.read(book.title)}"
    for number, title in enumerate(book.stages, 1):
        yield f"{number}. {reader.read(title)}"
        for step in book.steps.values():
            if step.stage == number:
                yield f"   {step.id}: {question_of(book, step, reader)}"
                yield from (f"   {line}" for line in _ways(book, step, reader))
