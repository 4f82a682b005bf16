"""Runs checks: measure, judge, settle, remember. Probes that several checks share are asked once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import msgspec

from opskit.app.asking import Asking, jobs_of
from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.kinship import kin_of
from opskit.app.memory import Memory
from opskit.app.observe import Source, observe
from opskit.app.past import earlier_of, new_bases
from opskit.definitions.loaded import Loaded
from opskit.history.incident import Kin
from opskit.history.store import HistoryError, Store
from opskit.judge.evaluate import evaluate
from opskit.judge.hysteresis import bad_series, clears, held
from opskit.judge.settle import settle
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.reading import Reading
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Item, Verdict


class Outcome(msgspec.Struct, frozen=True):
    """One check that ran. `state` is None where there is no memory to settle in; `trouble` what went wrong with it.

    `seconds` is how long the measuring took.
    """

    check: Check
    verdict: Verdict
    state: State | None = None
    trouble: Message | None = None
    seconds: float = 0.0


def select(loaded: Loaded[Check], ids: Sequence[str]) -> list[Check]:
    """Return the named checks, or all that can be used. Raises DefinitionError for an id that does not exist."""
    known = sorted({*loaded.good, *loaded.broken})
    strangers = [name for name in ids if name not in known]
    if strangers:
        listed = ", ".join(known) or "none"
        texts = [say("there is no check '{id}', expected one of {known}", id=name, known=listed) for name in strangers]
        raise DefinitionError([Problem("checks", 0, text) for text in texts])
    return [loaded.good[name] for name in (ids or sorted(loaded.good)) if name in loaded.good]


def unusable(loaded: Loaded[Check], ids: Sequence[str], at: float) -> list[Outcome]:
    """Return an UNKNOWN outcome for each asked check whose file is broken: it is not run, and not forgotten."""
    outcomes = [
        _broken(name, problems, at) for name, problems in sorted(loaded.broken.items()) if not ids or name in ids
    ]
    if loaded.elsewhere and not ids:
        outcomes.append(_broken("definitions", loaded.elsewhere, at))
    return outcomes


def record_unusable(context: Context, store: Store, every: float) -> None:
    """Record that of a check whose file is broken nobody knows; asked for `every` so many seconds. Raises HistoryError.

    What was known of it before grows old and says so; but only an incident reaches whoever is not looking. A file that
    was mended meanwhile is somebody else's to run: this process has none of it.
    """
    mended = context.anew().loaded_checks().good
    for name, problems in context.loaded_checks().broken.items():
        if name in mended:
            continue
        state, outcome = store.state(name), _broken(name, problems, epoch())
        if state is not None and state.hard in {Status.WARNING, Status.CRITICAL}:
            continue  # nobody has looked: its fault stands, and grows old
        verdict = msgspec.structs.replace(outcome.verdict, held=bad_series(store.newest(name)))
        _recorded(context, store, msgspec.structs.replace(outcome.check, every=every), verdict)


def _broken(name: str, problems: Sequence[Problem], at: float) -> Outcome:
    check = Check(name, Text(name), Text(name), probe="", rules=(), every=0.0, timeout=0.0)
    items = tuple(Item(Status.UNKNOWN, problem.placed()) for problem in problems)
    return Outcome(check, Verdict(name, Status.UNKNOWN, items, at))


def run_checks(
    context: Context, checks: Sequence[Check], source: Source, memory: Memory | None, timeout: float | None = None
) -> Iterator[Outcome]:
    """Run checks side by side and yield their outcomes as they are known.

    `timeout` (seconds) replaces the checks' own. A check whose probe or arguments do not exist is UNKNOWN.
    """
    settings = source.settings(context.settings)
    asking = Asking()
    for check in checks:
        try:
            asking.add(check, jobs_of(check, settings, timeout))
        except DefinitionError as error:
            yield _broken(check.id, error.problems, source.now().timestamp())
    began = time.monotonic()
    for shared, reading in observe(asking.jobs, source):
        seconds = time.monotonic() - began
        for check, whole in asking.told(shared, reading):
            yield _outcome(context, check, whole, source, memory, seconds)


def _outcome(
    context: Context, check: Check, reading: Reading, source: Source, memory: Memory | None, seconds: float
) -> Outcome:
    at = source.now().timestamp()
    if memory is None:
        return Outcome(check, evaluate(check, reading, at), seconds=seconds)
    try:
        store = memory.store
        verdict = evaluate(check, reading, at, earlier_of(store, check))
        news = tuple(new_bases(store, check, verdict, context.reader))
        verdict = msgspec.structs.replace(verdict, notes=verdict.notes + news)
        if clears(check):
            verdict = held(check, verdict, store.newest(check.id))
        state = _recorded(context, store, check, verdict, seconds)
    except HistoryError as error:
        verdict = evaluate(check, reading, at)
        return Outcome(check, verdict, None, memory.instead(verdict, seconds, error), seconds)
    return Outcome(check, verdict, state, seconds=seconds)


def _recorded(context: Context, store: Store, check: Check, verdict: Verdict, seconds: float = 0.0) -> State:
    """Settle the state of a check and keep it with the run. Raises HistoryError."""
    state, flip = settle(check, store.state(check.id), verdict, context.reader.read(check.summary))
    store.record(verdict, state, flip, seconds, kin_of(context, check) if flip else Kin())
    return state
