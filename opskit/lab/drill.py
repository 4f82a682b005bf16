"""The fire drill: break, let users suffer, ask triage, compare with the truth, heal, and see that all is well again.

Triage runs as a command of its own, as an operator would call it: it sees the stack and never the plan with its faults.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from opskit.lab.acts import perform, release
from opskit.lab.blinds import BLINDS, blinded
from opskit.lab.faults import Asks, Fault, faults
from opskit.lab.record import LabError
from opskit.lab.score import Run
from opskit.lab.stack import Stack
from opskit.lab.users import Crowd, ask, look
from opskit.model.message import say

_ENDING = frozenset({"stop", "kill", "freeze", "squat"})
_USERS = 8
_WARM_UP = 32  # enough for triage to know the usual gap between requests
_WARM: tuple[Asks, ...] = ("api", "chat", "chat", "chat")
_AT_ONCE = 6
_ENOUGH = 12
_SETTLE_S = 3.0
_TRIAGE_S = 60.0
_WELL_S = 20.0
_KINDS: tuple[Asks, ...] = ("chat", "api", "long")
_AFTERWARDS = 300  # the first of those who ask whether all is well, another one each time: nobody meets the rate limit


class Wish(msgspec.Struct, frozen=True):
    """How to drill. `keep` is a folder for what triage said in each run, `without` the evidence that it may not see.

    With `blinds` it is asked again in each run, once without each kind of evidence.
    """

    seed: int = 1
    repeat: int = 1
    keep: Path | None = None
    without: tuple[str, ...] = ()
    blinds: bool = False

    @property
    def looks(self) -> list[tuple[str, ...]]:
        """What is taken away each time that triage is asked in a run."""
        return [self.without, *((name,) for name in BLINDS)] if self.blinds else [self.without]


def break_in(stack: Stack, ids: Sequence[str]) -> None:
    """Bring faults in, one after the other. Raises LabError for an unknown one, before anything is broken.

    Those that end a part come last: what another one restarts would be back.
    """
    known = faults()
    for name in ids:
        if name not in known:
            raise LabError(say("there is no fault '{name}': opskit lab faults lists them", name=name))
    for name in sorted(ids, key=lambda name: _ends_a_part(known[name])):
        stack.change(known[name].changes, [name])
        for act in known[name].acts:
            perform(stack, act)


def _ends_a_part(fault: Fault) -> bool:
    return any(act.split()[0] in _ENDING for act in fault.acts)


def heal(stack: Stack) -> bool:
    """Take all faults out, and wait until users are served: a breaker closes again only after a while.

    Return whether they are.
    """
    release(stack)
    stack.restore()
    return is_well(stack)


def drill(stack: Stack, ids: Sequence[str], wish: Wish) -> Iterator[Run]:
    """Yield what triage said of each fault as it ends, `wish.repeat` rounds of them. `a+b` are two faults at once."""
    for turn in range(wish.repeat):
        for name in ids:
            for run, told in run_one(stack, name, wish.seed + turn, wish.looks):
                if wish.keep is not None:
                    wish.keep.mkdir(parents=True, exist_ok=True)
                    file = "-".join(filter(None, (name, run.without, str(turn + 1))))
                    (wish.keep / f"{file}.json").write_text(json.dumps(told, ensure_ascii=False, indent=1))
                yield run


def run_one(
    stack: Stack, name: str, seed: int, looks: Sequence[Sequence[str]] = ((),)
) -> list[tuple[Run, dict[str, Any]]]:
    """One fault, or two at once, from a healthy lab to a healthy lab; with what triage said at each look."""
    known = faults()
    parts = [known[part] for part in name.split("+")]
    fault = parts[0]
    patience = max(part.patience for part in parts)
    stack.clear_logs()
    users_ask(stack)
    try:
        break_in(stack, name.split("+"))
        with Crowd(stack.plan, _USERS, fault.asks, patience, seed) as crowd:
            suffer(crowd, patience)
            said = [(without, *triage(stack, without)) for without in looks]
        tally = crowd.tally
        if "foreign" in fault.users:
            tally[look(stack.plan).outcome] += 1
        present = any(tally[word] for part in parts for word in part.users)
    finally:
        well = heal(stack)

    def run_of(without: Sequence[str], told: dict[str, Any], seconds: float) -> Run:
        return Run(
            name,
            fault.cause,
            fault.control,
            told["verdict"],
            (told["cause"] or {}).get("code"),
            seconds,
            present,
            well,
            dict(tally),
            beside=parts[1].cause if len(parts) > 1 else None,
            also=tuple(finding["code"] for finding in told["also_seen"]),
            without=",".join(without),
        )

    return [(run_of(without, told, seconds), told) for without, told, seconds in said]


def suffer(crowd: Crowd, patience: float) -> None:
    """Let users meet the fault for as long as it takes until somebody calls."""
    time.sleep(_SETTLE_S)
    crowd.wait(_ENOUGH, patience + 1)


def users_ask(stack: Stack, count: int = _WARM_UP) -> None:
    """So many users ask one question each, a few at a time: what the logs of a service hold that was just well."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda number: ask(stack.plan, number, _WARM[number % 4], _WELL_S), range(count)))


def is_well(stack: Stack) -> bool:
    """Whether every kind of question is answered and the page is Clawdbot's; the first answer may have to load."""
    # A real model on a CPU is slow, and takes longer over a long question than the gateway waits.
    real = stack.plan.engine == "llama"
    kinds, good = (_KINDS[:1], {"fine", "slow"}) if real else (_KINDS, {"fine"})
    deadline, people = time.monotonic() + _WELL_S, itertools.count(_AFTERWARDS)
    while time.monotonic() < deadline:
        seen = {ask(stack.plan, next(people), asks, _WELL_S).outcome for asks in kinds}
        if seen <= good and look(stack.plan).outcome == "fine":
            return True
        time.sleep(0.5)
    return False


def triage(stack: Stack, without: Sequence[str] = ()) -> tuple[dict[str, Any], float]:
    """Return what triage says, and how long the operator waited for it; `without` is evidence that it may not see."""
    with blinded(stack.plan, without) as config:
        started = time.monotonic()
        done = opskit(stack, "triage", "--json", "--no-input", timeout=_TRIAGE_S, config=config)
        seconds = time.monotonic() - started
    try:
        told = json.loads(done.stdout)
        told["verdict"], told["cause"], told["also_seen"]
    except (ValueError, KeyError, TypeError) as error:
        said = (done.stdout + done.stderr)[-300:]
        raise LabError(say("triage did not say what it found: {said}", said=said)) from error
    return told, seconds


def opskit(stack: Stack, *words: str, timeout: float, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run an opskit command on this lab, from a folder where nothing of the lab lies."""
    command = [sys.executable, "-P", "-m", "opskit", "--config", str(config or stack.plan.config_file), *words]
    with tempfile.TemporaryDirectory(prefix="opskit-lab-") as empty:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=empty,
            env={**stack.environment(), "PYTHONPATH": str(Path(__file__).parents[2])},
        )
