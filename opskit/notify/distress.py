"""What is told while the history takes nothing: then no incident can be decided, and silence would look like health.

Past the outbox, from what this process alone remembers; whoever is restarted meanwhile begins anew. Times are seconds
of a clock that nobody sets, but for those that are shown.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Collection

import msgspec

from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.notify.channel import Content

_GRACE_S = 60.0  # a lock, a moment without space: the spool is there for those
_MOMENT_S = 15.0  # one that cannot be recorded among others that are is nothing that keeps the end back
_AGAIN_S = 300.0  # for news
_MOST = 30
_EMPTY = Message("")


class Word(enum.Enum):
    """The kinds of these notices."""

    NO_MEMORY = "no-memory"
    MEMORY_AGAIN = "memory-again"


class _Told(msgspec.Struct, frozen=True):
    """When the last word went out, and of which checks it said that they are critical."""

    now: float
    critical: frozenset[str]


class _Source(msgspec.Struct):
    """One who uses the history: since when it fails for him, and when it did last. None while it works."""

    since: float | None = None
    last: float = 0.0

    def fails(self, for_s: float) -> bool:
        """Whether it has failed for so long, and never worked in between."""
        return self.since is not None and self.last - self.since >= for_s


class Distress:
    """Knows since when the history fails, and what every check came to last. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = dict[str, Verdict]()
        self._sources = dict[str, _Source]()
        self._why = say("the history works")
        self._since_at = 0.0
        self._well: float | None = None
        self._told: _Told | None = None

    def measured(self, verdict: Verdict) -> None:
        """Take note of the newest result of a check."""
        with self._lock:
            self._seen[verdict.check] = msgspec.structs.replace(verdict, samples=())

    def watch(self, checks: Collection[str]) -> None:
        """Forget what was measured of others than these checks."""
        with self._lock:
            self._seen = {name: verdict for name, verdict in self._seen.items() if name in checks}

    def tried(self, source: str, trouble: Message | None, now: float, at: float) -> None:
        """Somebody used the history, with or without success; `at` is the time that is shown (epoch seconds).

        Each source speaks for itself: that notices can be decided does not mean that runs can be recorded.
        """
        with self._lock:
            state = self._sources.setdefault(source, _Source())
            if trouble is None:
                state.since = None
                return
            if self._told is None and all(one.since is None for one in self._sources.values()):
                self._since_at = at
            state.since, state.last = now if state.since is None else state.since, now
            self._why = trouble

    def word(self, now: float, reminder: float) -> Word | None:
        """Return what is to be told now, or again after `reminder` seconds; it counts as told."""
        with self._lock:
            found = self._due(now, reminder)
            if found is Word.NO_MEMORY:
                self._told = _Told(now, self._critical())
            elif found is Word.MEMORY_AGAIN:
                self._told = None
            return found

    def _due(self, now: float, reminder: float) -> Word | None:
        fails, wavers = (any(one.fails(span) for one in self._sources.values()) for span in (_GRACE_S, _MOMENT_S))
        self._well = None if wavers else now if self._well is None else self._well
        if self._told is None:
            return Word.NO_MEMORY if fails else None
        if self._well is not None:
            return Word.MEMORY_AGAIN if now - self._well >= _GRACE_S else None
        quiet = now - self._told.now
        news = bool(self._critical() - self._told.critical) and quiet >= _AGAIN_S
        return Word.NO_MEMORY if news or quiet >= reminder else None

    def _critical(self) -> frozenset[str]:
        return frozenset(name for name, verdict in self._seen.items() if verdict.status is Status.CRITICAL)

    def content(self, word: Word, host: str, at: float, reader: Reader) -> Content:
        """Return the notice; `at` is its time (epoch seconds)."""
        with self._lock:
            since, seen, why = reader.stamp(self._since_at), list(self._seen.values()), self._why
        bad = [one for one in seen if one.status is not Status.OK]
        bad.sort(key=lambda one: (-one.status.severity, one.check))
        if word is Word.NO_MEMORY:
            state, lines = Status.CRITICAL, _failing(why, since, bad, len(seen))
        else:
            state, lines, bad = Status.OK, _again(since), []
        text = "\n".join(reader.read(line) for line in [*lines, say("Host: {host}", host=host)])
        facts = {
            "kind": word.value,
            "host": host,
            "status": state.value,
            "at": at,
            "checks": [_fact(one) for one in bad],
        }
        subject = reader.read(say("[opskit] {host}: the history cannot be written", host=host))
        return Content(host, "", state, subject, f"{text}\n", facts)


def _failing(why: Message, since: str, bad: list[Verdict], count: int) -> list[Message]:
    lines: list[Message] = [
        why,
        _EMPTY,
        say("Since {when} no incident is decided and no other notice is sent. The checks go on.", when=since),
        _EMPTY,
    ]
    if not bad:
        return [*lines, say("Each of them that ran was well when it was measured last: {n}", n=count), _EMPTY]
    lines.append(say("Not well when it was measured last, not confirmed by a second look:"))
    lines += [
        say("  {state} {check}: {finding}", state=one.status.name, check=one.check, finding=_worst(one))
        for one in bad[:_MOST]
    ]
    if len(bad) > _MOST:
        lines.append(say("  and {count} more", count=len(bad) - _MOST))
    return [*lines, _EMPTY]


def _again(since: str) -> list[Message]:
    return [
        say("The history is written again. It was not since {when}.", when=since),
        _EMPTY,
        say("What could be kept aside meanwhile is brought in; incidents are told as always."),
        _EMPTY,
    ]


def _worst(verdict: Verdict) -> Message:
    """Return the finding that speaks for a verdict."""
    found = [item.text for item in verdict.items if item.status is verdict.status]
    return found[0] if found else say("nothing was found")


def _fact(verdict: Verdict) -> dict[str, object]:
    return {
        "check": verdict.check,
        "status": verdict.status.value,
        "since": verdict.at,
        "summary": str(_worst(verdict)),
        "flapping": False,
        "findings": [str(item.text) for item in verdict.items if item.status is not Status.OK][:_MOST],
    }
