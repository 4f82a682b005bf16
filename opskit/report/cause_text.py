"""A cause for a person at a terminal: what its page says, in one language and without marks."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.text import Text
from opskit.report import cause_words as words
from opskit.report.cause_words import ToldCause, filled
from opskit.report.told import Line
from opskit.report.triage_text import todo_lines
from opskit.report.wrapping import wrapped


def cause_text(told: ToldCause, reader: Reader, width: int = 100) -> str:
    """Return the text, wrapped to `width` columns (0: not at all), without a final line end."""
    rows = [wrapped(line.text, 0 if line.whole else width) for line in _lines(told, reader)]
    return "\n".join(row for lines in rows for row in lines)


def _lines(told: ToldCause, reader: Reader) -> Iterator[Line]:
    cause, lang = told.cause, reader.lang
    yield Line(f"{printable(cause.code)}: {reader.read(cause.summary)}")
    where = words.LAYER if told.playbooks else words.LAYER_ALONE
    yield Line(filled(where, lang, layer=printable(cause.layer), playbooks=", ".join(told.playbooks)))
    if cause.seen:
        yield from _section(words.SEEN, reader)
        yield Line(f"  {_read(cause.seen, reader)}")
    yield from _section(words.PROVEN, reader)
    yield from (Line(_fact(name, text, reader)) for name, text in told.facts)
    yield from (Line(f"  {line}") for line in words.rules(told, lang, _condition))
    yield from (Line(f"  - {line}") for line in words.params(told, lang, _condition))
    if cause.mistaken_for:
        yield from _section(words.MISTAKEN, reader)
        yield from (Line(f"  - {_read(text, reader)}") for text in cause.mistaken_for)
    if cause.follows:
        yield Line(f"  {_read(words.follows(cause), reader)}")
    yield from _section(words.WHAT_TO_DO, reader)
    yield from (Line(f"  {line.text}", line.whole) for line in todo_lines(cause, reader))
    yield from _section(words.HELPED, reader)
    yield Line(f"  {filled(words.AGAIN, lang, verify=_condition(cause.verify), again=told.again)}")
    if cause.helped:
        yield Line(f"  {_read(cause.helped, reader)}")


def _section(title: Text, reader: Reader) -> Iterator[Line]:
    yield Line("")
    yield Line(reader.read(title))


def _fact(name: str, text: Text | None, reader: Reader) -> str:
    return f"  - {printable(name)}" + (f": {_read(text, reader)}" if text else "")


def _condition(text: str) -> str:
    return printable(text, 1000)


def _read(text: Text, reader: Reader) -> str:
    """Words without the marks around names: a terminal shows all of them in one type."""
    return reader.read(text).replace("`", "")
