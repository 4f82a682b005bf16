"""One runner process as the server sees it: started, listened to, found dead, killed."""

from __future__ import annotations

import asyncio
import math
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import psutil

from opskit.lab.ollama.journal import Journal
from opskit.lab.ollama.placement import LAYERS, Placement
from opskit.lab.ollama.settings import Model
from opskit.lab.part import local_now
from opskit.lab.runner.gguf import MissingModelError, find
from opskit.lab.runner.lifeline import CRASH

_PREFIX = re.compile(r"^\d+\.\d\d\.\d{3}\.\d{3} [IWED] ")  # Ollama starts it with --no-log-prefix
_FATAL = ("CUDA error", "cudaMalloc failed", "error loading model", "GGML_ASSERT", "panic:", "the llama engine ")
_LINE_LIMIT = 1 << 20
_REAP_S = 0.005
_FOR_EVER = timedelta(days=292 * 365)  # how far Go's durations reach
_SIGNALS = {signal.SIGKILL: "killed", signal.SIGABRT: "aborted", signal.SIGSEGV: "segmentation fault"}


class Spec(msgspec.Struct, frozen=True):
    """What a runner is started for. Two requests with equal `options` can share one."""

    model: Model
    options: tuple[tuple[str, object], ...]  # the Runner options of the request, defaults filled in
    context: int
    parallel: int
    placement: Placement
    arguments: tuple[str, ...]  # of the command
    blob: str  # the model's file, as the log names it
    lifeline: bool  # it ends with us


class Runner:
    """A process that holds a model, and who uses it."""

    def __init__(self, spec: Spec, process: subprocess.Popen[bytes], port: int, journal: Journal) -> None:
        """Take over a process that was just started."""
        self.spec = spec
        self.port = port
        self.pid = process.pid
        self.slots = asyncio.Semaphore(spec.parallel)
        self.active = 0  # requests that have a slot
        self.users = 0  # requests that have the runner, waiting for a slot or not
        self.keep_alive = 0.0
        self.expires_at: datetime | None = None  # set when its last user leaves
        self.timer: asyncio.TimerHandle | None = None
        self.last_error = ""
        self.closing = False
        self.exited = asyncio.Event()
        self.gone = asyncio.Event()  # not on the scheduler's list any more
        self._process = process
        self._journal = journal
        self._model_file = _model_file()
        self._relay = asyncio.create_task(self._listen())

    @property
    def size_vram(self) -> int:
        """Bytes on the card."""
        return self.spec.placement.size_vram

    @property
    def progressing(self) -> bool:
        """Whether it computes at this moment: a frozen process does not, however many requests it has."""
        try:
            return self.active > 0 and psutil.Process(self.pid).status() != psutil.STATUS_STOPPED
        except psutil.Error:
            return False

    @property
    def expires(self) -> datetime:
        """When it will be unloaded; in the past once that time has come and a request still holds it."""
        lasting = _FOR_EVER if math.isinf(self.keep_alive) else timedelta(seconds=self.keep_alive)
        return self.expires_at or local_now() + lasting

    @property
    def exit_text(self) -> str:
        """How it ended, in Go's words."""
        code = self._process.returncode or 0
        if code < 0:
            number = signal.Signals(-code)
            return f"signal: {_SIGNALS.get(number, signal.strsignal(number) or number.name).lower()}"
        return f"exit status {code}"

    @property
    def exit_signal(self) -> int:
        """The signal that ended it, 0 where it ended by itself."""
        return max(0, -(self._process.returncode or 0))

    def crash(self, reason: str) -> None:
        """Let the next CUDA call fail for that reason."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it is dead already
                self._process.stdin.write(f"{CRASH}{reason}\n".encode())
                self._process.stdin.flush()

    async def kill(self) -> None:
        """End the process and wait until it is gone."""
        self.closing = True
        self._process.kill()
        await self.exited.wait()

    async def _listen(self) -> None:
        """Copy its output into our log until it ends."""
        output = asyncio.StreamReader(_LINE_LIMIT)
        protocol = asyncio.StreamReaderProtocol(output)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, self._process.stdout)
        async for raw in output:
            line = _PREFIX.sub("", raw.decode("utf-8", "replace").rstrip("\n"))
            line = line.replace(self._model_file, self.spec.blob) if self._model_file else line
            self.last_error = self.last_error or _fatal(line)
            self._journal.raw(line)
        while self._process.poll() is None:
            await asyncio.sleep(_REAP_S)
        self.exited.set()


def spawn(spec: Spec, port: int, journal: Journal) -> Runner:
    """Start the process, in a session of its own, so that a signal to our group does not reach it.

    Not by asyncio, which would kill it with us even where an orphan is wanted.
    """
    lifeline = ("--lifeline",) if spec.lifeline else ()
    command = [
        *(sys.executable, "-m", "opskit.lab.runner", "--port", str(port), "--alias", spec.model.name),
        *("--ctx-size", str(spec.context * spec.parallel), "--parallel", str(spec.parallel)),
        *("--model", spec.blob, "--layers", str(LAYERS), "--n-gpu-layers", str(spec.placement.layers)),
        *(*lifeline, *spec.arguments),
    ]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True)
    return Runner(spec, process, port, journal)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _fatal(line: str) -> str:
    """The part of a line that says why a runner died, from the words on that Ollama looks for (llm/status.go)."""
    starts = [at for word in _FATAL if (at := line.find(word)) >= 0]
    return line[min(starts) :] if starts else ""


def _model_file() -> str:
    """The real file behind the llama engine: its path says where this host keeps it, so the log has the blob's."""
    try:
        return str(find())
    except MissingModelError:
        return ""
