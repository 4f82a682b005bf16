"""The whole chain on free loopback ports in one directory: real nginx, and scripted Clawdbot, gateway, Ollama and NVML.

    with Stack(tmp_path) as stack:
        status, seconds, text = stack.chat("hello", user="alice")
        stack.control["ollama"].set(hang_chat=True)
        stack.freeze("gateway")
        stack.nvml.set(**{"gpu0.temp": 91, "gpu0.reasons": "0x40"})
        subprocess.run([...], env=stack.env())

Ports and paths are plain attributes; a part is named as in `PARTS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from opskit.lab import kernel as kernel_texts
from tests.stand_ins import nvml
from tests.stand_ins.client import Answer, Reply, event_contents, send
from tests.stand_ins.nginx import Nginx, NginxSettings
from tests.stand_ins.process import Process, free_ports
from tests.stand_ins.service import ControlFile, local_now

PARTS = ("ollama", "gateway", "clawdbot", "nginx")
API_KEY = "practice-key-0123456789abcdef"
MODEL = "qwen3:32b"


class Stack:
    """See the module. Without `directory` it makes one and removes it at the end."""

    def __init__(
        self, directory: Path | None = None, *, profile: Literal["reference", "recommended"] = "reference",
        read_timeout: str | None = None, error_level: str = "error", gpus: int = 1, generation: str = "0.30",
        gateway_options: tuple[str, ...] = (), certificate_days: float = 60,
    ) -> None:  # fmt: skip
        """Lay everything out; `gateway_options` are more command line words for the gateway."""
        self._scratch = None if directory else tempfile.TemporaryDirectory(prefix="opskit-stack-")
        self.directory = directory or Path(self._scratch.name if self._scratch else "")
        self.directory.mkdir(parents=True, exist_ok=True)
        ports = free_ports(5)
        self.http_port, self.https_port, self.clawdbot_port, self.gateway_port, self.ollama_port = ports
        self.gateway_log, self.ollama_log = self.directory / "qwen-gateway.log", self.directory / "ollama.log"
        self.clawdbot_log, self.kernel_log = self.directory / "clawdbot.log", self.directory / "kernel.log"
        for log in (self.gateway_log, self.ollama_log, self.clawdbot_log, self.kernel_log):
            log.touch()
        booted = local_now() - timedelta(days=3)
        self.kernel_log.write_text(kernel_texts.boot(booted), encoding="utf-8")
        self.key_file = self.directory / "api-key"
        self.key_file.write_text(API_KEY + "\n")
        self.control = {part: ControlFile(self.directory / f"{part}.control") for part in PARTS[:3]}
        self.gpus = gpus
        self.nvml = nvml.NvmlState(self.directory / "nvml.state").healthy(gpus)
        settings = NginxSettings(
            self.http_port, self.https_port, self.clawdbot_port, self.gateway_port, profile=profile,
            read_timeout=read_timeout, error_level=error_level, certificate_days=certificate_days,
        )  # fmt: skip
        self.nginx = Nginx(self.directory / "nginx", settings)
        self._processes = {
            "ollama": self._part("ollama", self.ollama_port, self.ollama_log, "--generation", generation),
            "gateway": self._part(
                "gateway", self.gateway_port, self.gateway_log,
                "--ollama", self.ollama_url, "--valid-key", API_KEY, *gateway_options,
            ),
            "clawdbot": self._part(
                "clawdbot", self.clawdbot_port, self.clawdbot_log,
                "--api-base", f"{self.gateway_url}/v1", "--key-file", str(self.key_file),
            ),
            "nginx": self.nginx.process,
        }  # fmt: skip

    def _part(self, name: str, port: int, log: Path, *more: str) -> Process:
        control = str(self.control[name].path)
        words = ["--port", str(port), "--log", str(log), "--control", control, *more]
        return Process([sys.executable, "-m", f"tests.stand_ins.{name}", *words], port, self.directory / f"{name}.out")

    @property
    def gateway_url(self) -> str:
        """The gateway without Nginx."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def ollama_url(self) -> str:
        """Ollama itself."""
        return f"http://127.0.0.1:{self.ollama_port}"

    @property
    def clawdbot_url(self) -> str:
        """The chat UI without Nginx."""
        return f"http://127.0.0.1:{self.clawdbot_port}"

    def __enter__(self) -> Self:
        """Start all parts at once and wait for each."""
        try:
            for part in PARTS:
                self._processes[part].start(wait=False)
            for part in PARTS:
                self._processes[part].wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all parts, front to back, so that none sees its backend vanish and logs it."""
        for part in reversed(PARTS):
            self._processes[part].stop()
        if self._scratch:
            self._scratch.cleanup()

    def process(self, part: str) -> Process:
        """The process of a part: its pid, whether it runs."""
        return self._processes[part]

    def start(self, part: str) -> None:
        """Start a stopped part again, on the same port."""
        self._processes[part].start()

    def stop(self, part: str) -> None:
        """Stop a part in good order."""
        self._processes[part].stop()

    def kill(self, part: str) -> None:
        """SIGKILL to all of a part."""
        self._processes[part].kill()

    def freeze(self, part: str) -> None:
        """SIGSTOP to all of a part."""
        self._processes[part].freeze()

    def thaw(self, part: str) -> None:
        """SIGCONT to all of a part."""
        self._processes[part].thaw()

    def chat(self, message: str = "hello there", user: str = "alice", timeout: float = 30) -> Reply:
        """One message of a user through Nginx and Clawdbot; an answer cut short is status 0 with the reason."""
        answer = self._post("api/chat", {"message": message}, {"X-User-Id": user}, timeout)
        return _reply(answer)

    def api(self, message: str = "hello there", user: str = "alice", timeout: float = 30) -> Reply:
        """One streamed API request through Nginx, with the key."""
        question = {"model": MODEL, "messages": [{"role": "user", "content": message}], "stream": True}
        headers = {"X-User-Id": user, "X-Api-Key": API_KEY}
        return _reply(self._post("v1/chat/completions", question, headers, timeout))

    def ask_gateway(self, message: str, user: str) -> Reply:
        """One request of a program on the host itself, past Nginx."""
        question = {"model": MODEL, "messages": [{"role": "user", "content": message}], "stream": True}
        headers = {"X-User-Id": user, "X-Api-Key": API_KEY}
        return _reply(send("POST", f"{self.gateway_url}/v1/chat/completions", question, headers, None, 10))

    def knock(self) -> Reply:
        """A stranger's API request: no key, no user."""
        return _reply(self._post("v1/chat/completions", {"model": MODEL, "messages": []}, {}, 5))

    def _post(self, path: str, body: object, headers: dict[str, str], timeout: float) -> Answer:
        return send("POST", self.nginx.url + path, body, headers, self.nginx.ca_file, timeout)

    def say_ollama(self, text: str) -> None:
        """Append lines to Ollama's log, as `ollama_texts` makes them."""
        _append(self.ollama_log, text)

    def say_kernel(self, text: str) -> None:
        """Append lines to the kernel log, as `kernel_texts` makes them."""
        _append(self.kernel_log, text)

    def env(self) -> dict[str, str]:
        """The environment for a new process that shall see this stack's GPUs."""
        return nvml.env(nvml.build(self.directory / "nvml-library").parent, self.nvml)

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command that sees this stack's GPUs, and capture what it says."""
        return subprocess.run(command, env=self.env(), capture_output=True, text=True, timeout=timeout, check=False)

    def config(self) -> dict[str, Any]:
        """What an opskit.yaml needs to look after this stack."""
        front = {
            "access_log": str(self.nginx.access_log),
            "error_log": str(self.nginx.error_log),
            "conf": str(self.nginx.conf),
            "url": self.nginx.url,
        }
        gateway = {"url": self.gateway_url, "log": str(self.gateway_log)}
        stack = {
            "nginx": front,
            "gateway": {**gateway, "api_key_file": str(self.key_file), "key_header": "X-Api-Key"},
            "clawdbot": {"url": self.clawdbot_url, "health_path": "/health"},
            "ollama": {"url": self.ollama_url, "log": str(self.ollama_log), "model": MODEL},
            "gpu": {"expected": self.gpus},
            "host": {"kernel_log": str(self.kernel_log)},
        }
        certificates = {
            "files": [str(self.nginx.certificates.fullchain)],
            "endpoints": [f"127.0.0.1:{self.https_port}"],
            "server_name": self.nginx.settings.server_name,
            "ca_file": str(self.nginx.ca_file),
        }
        return {"stack": stack, "certificates": certificates}

    def write_config(self, path: Path, **more: object) -> Path:
        """Write `config()`, and further sections, as JSON, which is YAML too."""
        path.write_text(json.dumps({**self.config(), **more}, indent=2), encoding="utf-8")
        return path


def _reply(answer: Answer) -> Reply:
    if answer.error:
        return Reply(0, answer.seconds, answer.error)
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        return Reply(answer.status, answer.seconds, answer.text)
    text, done = event_contents(answer.text)
    return Reply(answer.status, answer.seconds, text) if done else Reply(0, answer.seconds, f"cut short after: {text}")


def _append(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")
