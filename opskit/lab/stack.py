"""The lab at work: parts started and stopped, changes brought in and taken back, logs emptied."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from opskit.definitions.search import lab_marker
from opskit.lab import process
from opskit.lab.answering import answers, not_ready, until
from opskit.lab.folder import claim
from opskit.lab.gpu.library import CompileError, build
from opskit.lab.kernel import boot
from opskit.lab.nginx import site
from opskit.lab.plan import PARTS, Plan, merge_changes, write
from opskit.lab.ports import free_ports
from opskit.lab.record import LabError, Record, forget, order, save
from opskit.model.message import say

_READY_S = 20.0
_TICK_S = 0.05


class Stack:
    """A lab that is, or shall be, up. Everything that changes it is saved at once, so that nothing started is lost."""

    def __init__(self, record: Record, *, remembered: bool = True) -> None:
        """Take over a record; without `remembered` it is not this user's lab, and no other command finds it."""
        self.record = record
        self._remembered = remembered

    @property
    def plan(self) -> Plan:
        """What the lab is meant to be."""
        return self.record.plan

    def up(self) -> None:
        """Start everything and wait until all parts answer. Raises LabError, and leaves nothing running then."""
        nginx, plan = site.binary(), self.plan
        if nginx is None:
            raise LabError(say("the lab needs nginx: apt-get install nginx-light"))
        claim(plan.root)
        try:
            build(plan.library)
        except CompileError as error:
            raise LabError(say("{what}", what=str(error))) from error
        site.prepare(plan.root / "nginx")
        write(plan)
        for log in plan.logs.values():
            log.touch(mode=0o640)
        plan.logs["kernel"].write_text(boot(datetime.now(UTC).astimezone() - timedelta(days=3)), "utf-8")
        self._remember(started_at=time.time())
        if self._remembered:
            lab_marker(os.environ).parent.mkdir(parents=True, exist_ok=True)
            lab_marker(os.environ).write_text(f"{plan.root}\n", "utf-8")
        try:
            for part in order():
                self._start(part)
            self.wait_ready(order())
        except BaseException:  # Ctrl-C too: what was started has to end
            self.down()
            raise

    def down(self) -> None:
        """End every process that the lab has started, front to back, and forget it."""
        beside = self.record.running.keys() - set(PARTS)
        for part in (*beside, *order(backwards=True)):
            running = self.record.running.get(part)
            if running is not None:
                running.end()
        self._clear_survivors()
        forget(self.record)
        with suppress(OSError):
            if Path(lab_marker(os.environ).read_text("utf-8").strip()) == self.plan.root:
                lab_marker(os.environ).unlink()

    def start(self, part: str) -> None:
        """Start a part again, on the same port, and wait for it."""
        running = self.record.running.get(part)
        if running is None or not running.alive():
            self._start(part)
        self.wait_ready([part])

    def stop(self, part: str) -> None:
        """Stop a part in good order."""
        self.record.running[part].end()

    def restart(self, part: str) -> None:
        """Stop and start a part, with the configuration of now."""
        self.stop(part)
        self.start(part)
        self.taint(part)

    def taint(self, part: str) -> None:
        """Note that a part has to be restarted to be well again."""
        self._remember(tainted=(*self.record.tainted, part))

    def start_beside(self, name: str, words: list[str]) -> None:
        """Start a process of the lab that is no part of the chain, and that `restore` ends."""
        self._run(name, [sys.executable, *words])

    def kill(self, part: str) -> None:
        """SIGKILL to all of a part; `runner` is the process below Ollama that holds the model."""
        for pid in self._pids(part):
            process.send(pid, signal.SIGKILL)
        if part in PARTS:
            self.record.running[part].kill()

    def freeze(self, part: str) -> None:
        """SIGSTOP to all of a part: its sockets accept, nothing answers."""
        for pid in self._pids(part):
            process.send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let go on whatever is frozen."""
        for part in (*PARTS, "runner"):
            for pid in self._pids(part):
                process.send(pid, signal.SIGCONT)

    def change(self, changes: Mapping[str, dict[str, Any]], broken: Iterable[str]) -> None:
        """Bring changes into the plan and let the parts concerned take them over."""
        self._remember(plan=merge_changes(self.plan, changes), broken=(*self.record.broken, *broken))
        self._take_over(write(self.plan))

    def restore(self) -> None:
        """Take all changes back, wake what is frozen, restart what was changed, start what is down."""
        self._remember(plan=msgspec.structs.replace(self.plan, changes={}), broken=())
        self.thaw()
        for name in self.record.running.keys() - set(PARTS):
            self.record.running[name].end()
        moved = write(self.plan)
        for part in (moved | set(self.record.tainted)) - {"nginx"}:
            self.stop(part)  # what it was doing under the fault must not go on
        self._clear_survivors()  # they hold ports, and the card's memory
        for part in order():
            if self.record.state_of(part) == "down":
                self._start(part)
        self.wait_ready(order())
        self._take_over((moved | set(self.record.tainted)) & {"nginx"})
        self._remember(tainted=())

    def clear_logs(self) -> None:
        """Empty all logs in place, as copytruncate does."""
        for name, log in self.plan.logs.items():
            if name != "kernel":
                os.truncate(log, 0)
            for rotated in log.parent.glob(f"{log.name}.*"):
                rotated.unlink()
        self.plan.logs["kernel"].write_text(boot(datetime.now(UTC).astimezone() - timedelta(days=3)), "utf-8")

    def rotate(self) -> None:
        """What logrotate does to Nginx's logs: rename both, then USR1."""
        for name in ("nginx", "nginx-error"):
            log = self.plan.logs[name]
            log.replace(log.with_name(log.name + ".1"))
        self.record.running["nginx"].send(signal.SIGUSR1)
        until(lambda: self.plan.logs["nginx"].exists() and self.plan.logs["nginx-error"].exists(), "rotate the logs")

    def append(self, log: str, text: str) -> None:
        """Append lines to a log."""
        with self.plan.logs[log].open("a", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")

    def wait_ready(self, parts: Iterable[str]) -> None:
        """Return when the parts answer. Raises LabError with what one printed that ended or does not get there."""
        for part in parts:
            port = self.plan.port_of(part)
            deadline = time.monotonic() + _READY_S
            while not (answers(part, port) and self.record.running[part].listens(port)):
                ended = not self.record.running[part].alive()
                if ended or time.monotonic() > deadline:
                    raise LabError(not_ready(part, self._printed(part), ended=ended))
                time.sleep(_TICK_S)

    def environment(self) -> dict[str, str]:
        """The environment of the parts: with the lab's own GPUs, and no proxy between them."""
        plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**plain, "PYTHONUNBUFFERED": "1"}

    def _start(self, part: str) -> None:
        if part == "nginx":
            command = site.command(site.binary() or "nginx", self.plan.root / "nginx")
        else:
            command = [sys.executable, "-m", f"opskit.lab.{part}", "--config", str(self.plan.root / f"{part}.yaml")]
        self._run(part, command)

    def _run(self, name: str, command: list[str]) -> None:
        with process.uninterrupted():
            running = process.start(command, self.plan.root / f"{name}.out", self.environment())
            self._remember(running={**self.record.running, name: running})

    def _take_over(self, moved: frozenset[str]) -> None:
        for part in order():
            if part in moved and self.record.state_of(part) == "up":
                self.record.running[part].send(signal.SIGHUP)
        if "nginx" in moved and self.record.state_of("nginx") == "up":
            self._wait_for_workers()
        elif moved:
            time.sleep(0.3)

    def _wait_for_workers(self) -> None:
        """Nginx has taken a configuration over when no worker of before is left accepting; titles tell."""
        time.sleep(0.2)
        master = self.record.running["nginx"].pid

        def old_workers() -> list[int]:
            return [pid for pid in process.children_of(master) if b"shutting down" in process.title_of(pid)]

        with suppress(LabError):
            until(lambda: not old_workers(), "reload nginx", 3)

    def _pids(self, part: str) -> list[int]:
        """All processes of a part; Ollama's runners lead groups of their own, below it."""
        if part == "runner":
            ollama = self.record.running.get("ollama")
            return process.children_of(ollama.pid) if ollama is not None and ollama.alive() else []
        running = self.record.running.get(part)
        if running is None or not running.alive():
            return []
        own = [] if part == "ollama" else process.children_of(running.pid)
        return [running.pid, *own]

    def _clear_survivors(self) -> None:
        """End what goes on without the process that had started it."""
        dead = {running.pid for running in self.record.running.values() if not running.alive()}
        for pid in set(process.survivors(dead, self.plan.root)) - set(self._pids("runner")):
            process.send(pid, signal.SIGKILL)

    def _printed(self, part: str) -> str:
        texts = [self.plan.root / f"{part}.out", *([self.plan.logs["nginx-error"]] if part == "nginx" else [])]
        lines = [line for path in texts if path.exists() for line in path.read_text("utf-8", "replace").splitlines()]
        return lines[-1] if lines else "it printed nothing"

    def _remember(self, **changes: Any) -> None:  # the fields of Record
        self.record = msgspec.structs.replace(self.record, **changes)
        save(self.record)


def fresh(folder: Path, *, remembered: bool = True, **wanted: Any) -> Stack:
    """A lab with everything as it comes but for what is `wanted` of its Plan, not up yet."""
    return Stack(Record(Plan(str(folder), free_ports(), **wanted)), remembered=remembered)
