r"""Lines to rows and requests, as fast as this machine can: what all questions to logs are asked through.

A question names the fields that it needs. Lines of the usual shape come as rows of raw texts, the others as Requests.
Where only some statuses are wanted and the input is large, only lines that may have one of them are read in full; the
others are told apart by their outline, and where that does not fit, a block is read line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple, Protocol

import stringzilla

from opskit.logs import finding, sample
from opskit.logs.formats import Format, detect, precise_first
from opskit.logs.request import Request
from opskit.logs.shape import Columns, Row, Shape
from opskit.logs.wanted import DIGITS_OF_A_STATUS, Wanted

_PATIENCE = 2000
_SMALL = 1 << 14
_BARE = (b"", b"")


class Question(Protocol):
    """What wants to know something of the lines, and collects it."""

    fields: tuple[str, ...]

    def rows(self, columns: Columns, rows: list[Row]) -> None:
        """Take lines that have a shape."""
        ...

    def request(self, request: Request) -> None:
        """Take a line that the format's own reader understood."""
        ...

    def settle(self) -> None:
        """Do what can be done with what was collected so far: there may be nothing else to do until `join`."""
        ...

    def parts(self) -> Iterator[Any]:
        """Yield what was collected, in pieces of plain values that another process can `join`."""
        ...

    def join(self, part: Any) -> None:
        """Take over what another process collected."""
        ...


class Search(NamedTuple):
    """A text that each line with some status contains, and what such lines look like."""

    needle: bytes
    columns: Columns


class Scan:
    """The reading of one file: its format, its shapes, and how many lines were there."""

    def __init__(
        self,
        question: Question,
        form: Format | None,
        wanted: Wanted | None,
        odd: Callable[[bytes], None],
        zone: tzinfo,
        guess: Format | None = None,
    ) -> None:
        self.form, self.lines, self.unparsed, self.examined = form or guess, 0, 0, 0
        self._question, self._wanted, self._odd, self._zone = question, wanted, odd, zone
        self._shapes: list[Columns] = []
        self._given = form is not None
        self._outline: tuple[bytes, ...] = ()
        self._glance = b""
        self._searches = list[Search]()
        self._patience = _PATIENCE

    def block(self, data: bytes | bytearray, end: int) -> None:
        """Read the whole lines of `data[:end]`, which ends in a line end."""
        lines: int = stringzilla.count(data, b"\n", 0, end)
        self.lines += lines
        if not self._shapes:
            self._learn(data, end)
        if self.form is None:
            self.examined += lines
            self._unread(bytes(data[:end]))
        elif not self._quickly(data, end, lines, self.form):
            self._divided(data, end, lines, self._still(data, end, self.form))

    def _learn(self, data: bytes | bytearray, end: int) -> None:
        """Take format and shapes from the first lines, and from the whole block where those are something else."""
        lines = sample.head(data, end)
        first = lines[: sample.LINES]
        if self.form is None:
            places = (first, lines[sample.LINES :] + sample.tail(data, end), sample.spread(data, end))
            self.form = next((form for place in places if (form := detect(place, self._zone))), None)
        if self.form is not None:
            found = self.form.shapes(first, self._question.fields)
            self._shapes = [shape.columns(self._question.fields) for shape in found]
            self._outline = found[0].outline if found and self._worth(self.form) else ()
            self._glance = sample.mark(first, self._outline)
            self._searches = self._sought(found[0], self.form) if self._outline else []

    def _worth(self, form: Format) -> bool:
        """Tell whether looking for statuses spares reading: a lone digit of a class is in nearly every JSON line."""
        return self._wanted is not None and (form.around[0] != b"" or self._wanted.sharp)

    def _quickly(self, data: bytes | bytearray, end: int, lines: int, form: Format) -> bool:
        """Read lines that are all of the usual kind, False where one is not."""
        if self._outline:
            # Each can be taken for a line of the format without reading it. A single letter is counted faster.
            usual = bool(self._glance) and _occurs(data, end, self._glance) == lines
            usual = usual or all(_occurs(data, end, text) == lines for text in self._outline)
            return usual and self._candidates(data, end, form)
        rows = self._shapes[0].rows(data, end, lines) if self._shapes else None
        if rows is not None:
            self._question.rows(self._shapes[0], rows)
            self.examined += lines
        return rows is not None

    def _divided(self, data: bytes | bytearray, end: int, lines: int, form: Format) -> None:
        """Read lines of which few are unusual: the smaller the parts, the more of them are all of the usual kind."""
        cut = data.find(b"\n", end // 2, end - 1) + 1
        if not cut or end < _SMALL or not self._shapes:
            self.examined += lines
            self._each(bytes(data[:end]).split(b"\n")[:-1], form)
            return
        for part in (data[:cut], data[cut:end]):
            number: int = stringzilla.count(part, b"\n")
            if not self._quickly(part, len(part), number, form):
                self._divided(part, len(part), number, form)

    def _candidates(self, data: bytes | bytearray, end: int, form: Format) -> bool:
        """Read the lines that contain a wanted status. One that contains several counts where it has that status."""
        odd = dict[int, bytes]()
        bare = form.around == _BARE
        for search in self._searches:
            # All at once is faster, but a bare number is found in too many lines of other statuses.
            rows = None if bare else search.columns.rows(*finding.together(data, end, search.needle))
            if rows is None:
                rows = self._sifted(data, finding.places(data, end, search.needle, bare), search.columns, odd)
            self._question.rows(search.columns, rows)
            self.examined += len(rows)
        self.examined += len(odd)
        self._each(list(odd.values()), form)
        return True

    def _sifted(
        self, data: bytes | bytearray, found: Iterator[tuple[int, int]], columns: Columns, odd: dict[int, bytes]
    ) -> list[Row]:
        """Return the rows of those lines that have the status; what has no shape at all is odd."""
        rows = list[Row]()
        match, usual, single, take = columns.line, self._shapes[0].line, columns.single, rows.append
        for begin, stop in found:
            if row := match(data, begin, stop):
                take(row[1] if single else row.groups())
            elif usual(data, begin, stop) is None:  # else its status is another one, and found as such
                odd[begin] = bytes(data[begin:stop])
        return rows

    def _sought(self, shape: Shape, form: Format) -> list[Search]:
        """Return what to look for where not every line is read."""
        before, after = form.around
        # With nothing before it a number wants its end. Otherwise what is searched for is better off without: the end
        # of a text is compared first, and the blank behind a status is behind every status.
        behind = after if not before else b""
        return [
            Search(
                before + stem + (behind if len(stem) == DIGITS_OF_A_STATUS else b""),
                shape.columns(self._question.fields, stem),
            )
            for stem in (self._wanted.stems if self._wanted else ())
        ]

    def _still(self, data: bytes | bytearray, end: int, form: Format) -> Format:
        """Return the format of a block in which not all is as before: another one where its beginning has become so."""
        head = sample.head(data, end)[: sample.LINES]
        if self._given or any(form.parse(line) for line in head):
            return form
        if (other := detect(head, self._zone)) is not None:
            self.form, self._shapes = other, []
            self._learn(data, end)
            return other
        return form

    def _each(self, lines: Sequence[bytes], form: Format) -> None:
        """Read lines without their line end."""
        found: list[list[Row]] = [[] for _ in self._shapes]
        ways = [(columns.line, columns.single, rows.append) for columns, rows in zip(self._shapes, found, strict=True)]
        for line in lines:
            for match, single, take in ways:
                if has := match(line):
                    take(has[1] if single else has.groups())
                    break
            else:
                self._one(line, form)
        for columns, rows in zip(self._shapes, found, strict=True):
            if rows:
                self._question.rows(columns, rows)

    def _one(self, line: bytes, form: Format) -> None:
        # NULs stand before the first line that a program without O_APPEND writes after its log was truncated.
        text = line.lstrip(b"\0").removesuffix(b"\r")
        request = form.parse(text) or self._elsewhere(text)
        if request is None:
            self.unparsed += 1
            self._odd(line)
        else:
            self._question.request(request)

    def _elsewhere(self, line: bytes) -> Request | None:
        """Read a line of another format: a log may change its own in the middle. After many that have none, stop."""
        if self._given or not self._patience:
            return None
        self._patience -= 1
        likely = (form for form in precise_first(self._zone) if form.guessed and form.likely(line))
        found = next((request for form in likely if (request := form.parse(line)) is not None), None)
        self._patience = self._patience if found is None else _PATIENCE
        return found

    def _unread(self, data: bytes) -> None:
        for line in data.split(b"\n")[:-1]:
            self.unparsed += 1
            self._odd(line)


def _occurs(data: bytes | bytearray, end: int, text: bytes) -> int:
    number: int = stringzilla.count(data, text, 0, end)
    return number + (text[:1] == b"\n" and data.startswith(text[1:]))
