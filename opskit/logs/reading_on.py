"""The lines since the last run to what a question collects, whatever rotation did to the log in between."""

from __future__ import annotations

import math
from datetime import tzinfo
from pathlib import Path

from msgspec.structs import replace

from opskit.logs import resume
from opskit.logs.account import Account, Coverage, Span, account, counted
from opskit.logs.formats import Format, precise_first
from opskit.logs.scan import Question
from opskit.logs.spread import Reading, Task


def read_on(span: Span, state: Path, question: Question, form: Format | None) -> Account:
    """Let a question collect what came since the position saved at `state`; on the first run, all there is.

    The caller holds `resume.lock(state)`, and saves the position of the account after the answer is delivered.
    ValueError where not exactly one log is named, LogError where it or the position cannot be read.
    """
    if len(span.paths) != 1:
        raise ValueError("since the last run: one log at a time, with a state of its own")
    task = Task(form, None, span.show_unparsed, span.zone)
    readings: dict[Path, Reading] = {}
    before = resume.load(state)
    with resume.open_since(span.paths[0], before, "start", _Stamp(form, span.zone)) as resumed:
        for path, block in resumed.blocks():
            data = block if block.endswith(b"\n") else block + b"\n"
            readings.setdefault(path, Reading(question, task, path)).block(data, len(data))
        question.settle()
        parts = [reading.done() for reading in readings.values()]
        lost = resumed.coverage.lost
        counts = [counted(part.path, [part]) for part in parts]
        # A first run has nothing to go on from, and says so: where that is all, nothing is missing.
        said = {str(message): message for message in (*lost, *(count.error for count in counts if count.error))}
        whole = not said or (before is None and len(said) == 1 and not any(count.error for count in counts))
        coverage = Coverage(whole, None, tuple(said.values()))
        return replace(account(span, counts, parts, coverage), position=resumed.position)


class _Stamp:
    """The time of a line in whichever format reads it; the last that did is asked first."""

    def __init__(self, form: Format | None, zone: tzinfo) -> None:
        self._forms = [form] if form is not None else precise_first(zone)

    def __call__(self, line: bytes) -> float | None:
        for form in self._forms:
            request = form.parse(line) if form.likely(line) else None
            if request is not None and not math.isnan(request.at):
                self._forms = [form, *(other for other in self._forms if other is not form)]
                return request.at
        return None
