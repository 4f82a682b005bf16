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

from opskit.lab.acts import perform, release
from opskit.lab.faults import Asks, Fault, faults
from opskit.lab.record import LabError
from opskit.lab.score import Run
from opskit.lab.stack import Stack
from opskit.lab.users import Crowd, ask, look
from opskit.model.message import say

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


def break_in(stack: Stack, ids: Sequence[str]) -> None:
    """Bring faults in, one after the other. Raises LabError for an unknown one, before anything is broken."""
    known = faults()
    for name in ids:
        if name not in known:
            raise LabError(say("there is no fault '{name}': opskit lab faults lists them", name=name))
    for name in ids:
        stack.change(known[name].changes, [name])
        for act in known[name].acts:
            perform(stack, act)


def heal(stack: Stack) -> bool:
    """Take all faults out, and wait until users are served: a breaker closes again only after a while.

    Return whether they are.
    """
    release(stack)
    stack.restore()
    return is_well(stack)


def drill(stack: Stack, ids: Sequence[str], *, seed: int, repeat: int) -> Iterator[Run]:
    """Yield a run for each fault as it ends, `repeat` rounds of them."""
    known = faults()
    for turn in range(repeat):
        for name in ids:
            yield run_one(stack, name, known[name], seed + turn)


def run_one(stack: Stack, name: str, fault: Fault, seed: int) -> Run:
    """One fault from a healthy lab to a healthy lab."""
    stack.clear_logs()
    users_ask(stack)
    try:
        break_in(stack, [name])
        with Crowd(stack.plan, _USERS, fault.asks, fault.patience, seed) as crowd:
            time.sleep(_SETTLE_S)
            crowd.wait(_ENOUGH, fault.patience + 1)
            verdict, named, seconds = triage(stack)
        tally = crowd.tally
        if "foreign" in fault.users:
            tally[look(stack.plan).outcome] += 1
        present = any(tally[word] for word in fault.users)
    finally:
        well = heal(stack)
    return Run(name, fault.cause, fault.control, verdict, named, seconds, present, well, dict(tally))


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


def triage(stack: Stack) -> tuple[str, str | None, float]:
    """Return triage's verdict, the code it names, and how long the operator waited for it."""
    started = time.monotonic()
    done = opskit(stack, "triage", "--json", "--no-input", timeout=_TRIAGE_S)
    seconds = time.monotonic() - started
    try:
        told = json.loads(done.stdout)
        return told["verdict"], (told["cause"] or {}).get("code"), seconds
    except (ValueError, KeyError, TypeError) as error:
        said = (done.stdout + done.stderr)[-300:]
        raise LabError(say("triage did not say what it found: {said}", said=said)) from error


def opskit(stack: Stack, *words: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run an opskit command on this lab, from a folder where nothing of the lab lies."""
    command = [sys.executable, "-P", "-m", "opskit", "--config", str(stack.plan.config_file), *words]
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
