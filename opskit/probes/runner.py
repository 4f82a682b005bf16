"""The process that computes: how many of its places are taken, and whether the answers in them get on.

Ollama's own routes know nothing of it. llama-server (Ollama 0.30 and later) tells at `/slots` which places are at work
and how many tokens they have made: two looks a moment apart are the difference between busy and wedged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import msgspec
import psutil

from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.answer import failed, pack, unpack
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.exchange import Exchange, Target, exchange
from opskit.probes.runner_look import (
    NO_RUNNER,
    UNSEEN,
    Facts,
    Look,
    Looks,
    Work,
    begins,
    facts_of,
    is_load_still,
    is_loading,
    kept,
    line_of,
)
from opskit.probes.runner_process import runners

_APART_S = 0.6
_LOADING_APART_S = 1.2
_APPEARS_S = 1.5
_AGAIN_S = 0.2
_MOST_S = 0.8
_Processes = dict[int, psutil.Process]
_FirstLooks = dict[int, tuple[Exchange, Work | None]]


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ollama` is the server's URL: its runners are meant, where its process can be seen, and else all of this host."""

    ollama: str = ""


class RunnerProbe(Probe[Args]):
    """Finds the runners and looks twice."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured server."""
        return Args(settings.stack.ollama.url)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Look at each runner, twice where it answers."""
        deadline.enter(say("look for the model's processes"))
        found, first, seen = self._found(args.ollama, deadline)
        looks = self._again(found, first, deadline) if first else []
        if any(is_load_still(look) for look in looks) and deadline.left > _APART_S + _MOST_S:
            # A disk that stops for a moment is no load that stands still.
            looks = self._again(found, first, deadline)
        return (pack("runner.json", Looks(tuple(looks), seen), "runner"),)

    def _again(self, found: _Processes, first: _FirstLooks, deadline: Deadline) -> list[Look]:
        """Look a second time at each runner that answered, a moment later."""
        if any(asked.status is not None for asked, _ in first.values()):
            # What a load reads comes in bursts: one that gets on may rest for a moment.
            apart = _APART_S if any(asked.status == 200 for asked, _ in first.values()) else _LOADING_APART_S
            time.sleep(min(apart, max(0.0, deadline.left - _MOST_S / 2)))
        return [
            Look(
                port,
                asked,
                self._look(port, deadline) if asked.status is not None and deadline.left else None,
                work,
                _work(found[port]),
            )
            for port, (asked, work) in first.items()
        ]

    def _found(self, ollama: str, deadline: Deadline) -> tuple[_Processes, _FirstLooks, bool]:
        """Look once at each runner.

        The canary makes Ollama load the model where it is not loaded: a runner may appear a moment later, it is not
        spoken to before it listens, and whether its load gets on shows only when its process has begun.
        """
        until = time.monotonic() + min(_APPEARS_S, deadline.left)
        while True:
            told, seen = runners(ollama)
            first = {one.port: (self._look(one.port, deadline), _work(one.process)) for one in told}
            known = any(asked.status is not None or asked.timed_out for asked, _ in first.values())
            fresh = any(is_loading(asked) and begins(work) for asked, work in first.values())
            if (known and not fresh) or time.monotonic() >= until:
                return {one.port: one.process for one in told}, first, seen
            time.sleep(_AGAIN_S)

    @staticmethod
    def _look(port: int, deadline: Deadline) -> Exchange:
        own = Deadline(min(_MOST_S, max(0.01, deadline.left)))
        return kept(exchange(Target(f"http://127.0.0.1:{port}/slots"), own))

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Compare the looks; a runner of a former generation has no places to show."""
        del args
        evidence, at = unpack(raws, Looks), now.timestamp()
        looks = evidence.looks
        if not looks:
            none = say("no runner is seen on this host: no model is loaded, or its process is hidden from this user")
            facts = NO_RUNNER if evidence.all_seen else UNSEEN
            return Reading(as_facts(facts), {}, dict.fromkeys(Facts.__struct_fields__, none))
        facts = facts_of(looks)
        lines = tuple(
            Evidence(look.first.url, line_of(look), field="slots", at=at)
            for look in looks
            if look.first.status is not None
        ) or tuple(Evidence(look.first.url, str(failed(look.first)), at=at) for look in looks)
        why = say("the runner does not tell")
        if looks[0].first.failure is not None:
            why = failed(looks[0].first)
        missing = {name: why for name, value in as_facts(facts).items() if value is None}
        return Reading(as_facts(facts), dict.fromkeys(as_facts(facts), lines), missing)


def _work(process: psutil.Process) -> Work | None:
    """None where it has ended, or may not be seen."""
    try:
        with process.oneshot():
            times = process.cpu_times()
            age = max(0.0, time.time() - process.create_time())
            return Work(process.memory_info().rss, times.user + times.system, round(age, 2))
    except psutil.Error:
        return None
