"""What a lab is meant to be: its folder, its ports, and the changes that faults have made. Files follow from it.

Every configuration file is written from the plan alone, so a fault is healed by taking its changes out of the plan and
writing the files again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from opskit.lab import changes, journal
from opskit.lab.changes import Change
from opskit.lab.gpu import state
from opskit.lab.nginx import site
from opskit.lab.nginx.certificates import issue_valid
from opskit.lab.ports import Ports

MODEL = "qwen3:32b"
API_KEY = "lab-key-0123456789abcdef"
PARTS = ("ollama", "gateway", "clawdbot", "nginx")


class Plan(msgspec.Struct, frozen=True):
    """`changes` are by section: nginx, gateway, clawdbot, ollama, card, certificate, users, opskit.

    With `journal` opskit is to read what Ollama and the kernel log through the lab's journalctl, not from files.
    """

    directory: str
    ports: Ports
    profile: site.Profile = "reference"
    engine: Literal["scripted", "llama"] = "scripted"
    generation: Literal["0.12", "0.30"] = "0.30"
    gpus: int = 1
    journal: bool = False
    changes: dict[str, Change] = {}

    @property
    def root(self) -> Path:
        """The lab's folder."""
        return Path(self.directory)

    @property
    def logs(self) -> dict[str, Path]:
        """The log that each part writes; the kernel's and Nginx's second one have names of their own."""
        nginx = self.root / "nginx" / "logs"
        return {
            "nginx": nginx / "access.log",
            "nginx-error": nginx / "error.log",
            "gateway": self.root / "qwen-gateway.log",
            "clawdbot": self.root / "clawdbot.log",
            "ollama": self.root / "ollama.log",
            "kernel": self.root / "kernel.log",
        }

    @property
    def library(self) -> Path:
        """The folder with the stand-in libnvidia-ml.so.1 and its state."""
        return self.root / "nvml"

    @property
    def ca_file(self) -> Path:
        """What a client of the lab's Nginx has to trust."""
        return self.root / "letsencrypt" / "ca.pem"

    @property
    def config_file(self) -> Path:
        """The opskit.yaml that looks after this lab."""
        return self.root / "opskit.yaml"

    @property
    def key_file(self) -> Path:
        """The gateway's key, as users of the API have it."""
        return self.root / "api-key"

    @property
    def urls(self) -> dict[str, str]:
        """Where each part answers."""
        ports = self.ports
        return {
            "nginx": f"https://127.0.0.1:{ports.https}/",
            "clawdbot": f"http://127.0.0.1:{ports.clawdbot}",
            "gateway": f"http://127.0.0.1:{ports.gateway}",
            "ollama": f"http://127.0.0.1:{ports.ollama}",
        }

    def port_of(self, part: str) -> int:
        """The port at which a part answers."""
        return int(getattr(self.ports, "https" if part == "nginx" else part))

    def changed(self, section: str) -> Change:
        """The changes to a section."""
        return self.changes.get(section, {})


def write(plan: Plan) -> frozenset[str]:
    """Write every file that follows from the plan; return the parts whose configuration is another than before."""
    fresh = {plan.root / f"{part}.yaml": config for part, config in _configs(plan).items()}
    moved = {path.stem for path, config in fresh.items() if _replaced(path, msgspec.json.format(_json(config)))}
    prefix, certificate = plan.root / "nginx", _certificate(plan)
    before = _text(prefix / "nginx.conf"), _text(prefix / "sites-available" / site.SITE)
    site.render(prefix, _site(plan), plan.root / "letsencrypt" / "live" / site.SERVER_NAME)
    after = _text(prefix / "nginx.conf"), _text(prefix / "sites-available" / site.SITE)
    if before != after or certificate:
        moved.add("nginx")
    state.write(plan.library / "state" / "card", state.healthy(plan.gpus))
    state.write(plan.library / "state" / "fault", plan.changed("card"))
    _replaced(plan.config_file, msgspec.json.format(_json(changes.merged(_opskit(plan), plan.changed("opskit")))))
    journal.write_program(plan.root)
    _replaced(plan.key_file, API_KEY.encode() + b"\n")
    return frozenset(moved)


def _configs(plan: Plan) -> dict[str, Change]:
    """The configuration of each of our own parts, with the changes made to it."""
    ports, logs, urls = plan.ports, plan.logs, plan.urls
    files = [str(plan.library / "state" / name) for name in ("card", "fault")]
    plain: dict[str, Change] = {
        "ollama": {
            "listen": f"127.0.0.1:{ports.ollama}",
            "log": str(logs["ollama"]),
            "engine": plan.engine,
            "generation": plan.generation,
            "gpu": {"state_files": files, "load_file": str(plan.library / "state" / "load")},
            # So that a 32B model leaves a tenth of the card's 24 GB free: four slots, their context in q8_0.
            "num_parallel": 4,
            "context_length": 2048,
            "kv_bytes_per_token": 131_072,
            "token_delay_seconds": 0.01,
            "keep_alive_seconds": -1,
        },
        "gateway": {
            "listen": f"127.0.0.1:{ports.gateway}",
            "ollama_api": urls["ollama"],
            "log": str(logs["gateway"]),
            "log_level": "info",
            "rate_limit": {"enabled": True, "max_requests": 30, "window_seconds": 60},
            "auth": {"enabled": True, "header_key": "X-Api-Key", "valid_keys": [API_KEY]},
            # The users of the lab come from addresses of their own, 127.1.0.0/16, through Nginx or Clawdbot.
            "whitelist": {"enabled": True, "ips": ["127.0.0.1", "127.1.0.0/16", "10.0.0.0/16"]},
            "trusted_proxies": ["127.0.0.1"],
            # The real small model repeats itself by nature, and would go on until its context is full.
            "max_tokens": 96 if plan.engine == "llama" else None,
        },
        "clawdbot": {
            "server": {"host": "127.0.0.1", "port": ports.clawdbot},
            "ui": {"title": "Clawdbot"},
            "backend": {"api_base": f"{urls['gateway']}/v1", "model": MODEL, "api_key_file": str(plan.key_file)},
            "log": str(logs["clawdbot"]),
        },
    }
    return {part: changes.merged(config, plan.changed(part)) for part, config in plain.items()}


def _site(plan: Plan) -> site.Site:
    ports = plan.ports
    plain = {
        "http_port": ports.http,
        "https_port": ports.https,
        "clawdbot": f"127.0.0.1:{ports.clawdbot}",
        "gateway": f"127.0.0.1:{ports.gateway}",
        "profile": plan.profile,
    }
    return msgspec.convert({**plain, **plan.changed("nginx")}, site.Site)


def _certificate(plan: Plan) -> bool:
    """Issue a certificate where there is none, or where another one is wanted; say whether it did."""
    wanted = msgspec.json.encode({"days": 60, **plan.changed("certificate")})
    if not _replaced(plan.root / "letsencrypt" / "wanted", wanted):
        return False
    issue_valid(plan.root / "letsencrypt", site.SERVER_NAME, **msgspec.json.decode(wanted))
    return True


def _opskit(plan: Plan) -> Change:
    logs, urls, live = plan.logs, plan.urls, plan.root / "letsencrypt" / "live" / site.SERVER_NAME
    files = {"ollama": str(logs["ollama"]), "kernel": str(logs["kernel"])}
    told = {"ollama": "unit:ollama", "kernel": "journal"} if plan.journal else files
    return {
        "stack": {
            "nginx": {
                "access_log": str(logs["nginx"]),
                "error_log": str(logs["nginx-error"]),
                "conf": str(plan.root / "nginx" / "nginx.conf"),
                "url": urls["nginx"],
            },
            "gateway": {
                "url": urls["gateway"],
                "log": str(logs["gateway"]),
                "api_key_file": str(plan.key_file),
                "key_header": "X-Api-Key",
            },
            "clawdbot": {
                "url": urls["clawdbot"],
                "health_path": "/health",
                "log": str(logs["clawdbot"]),
                "config": str(plan.root / "clawdbot.yaml"),
            },
            "ollama": {"url": urls["ollama"], "log": told["ollama"], "model": MODEL},
            "gpu": {"expected": plan.gpus, "library": str(plan.library)},
            "host": {"kernel_log": told["kernel"], "journalctl": str(plan.root / "bin" / "journalctl")},
        },
        "certificates": {
            "files": [str(live / "fullchain.pem")],
            "endpoints": [f"127.0.0.1:{plan.ports.https}"],
            "server_name": site.SERVER_NAME,
            "ca_file": str(plan.ca_file),
        },
        "history": {"path": str(plan.root / "history.db")},
    }


def merge_changes(plan: Plan, more: Mapping[str, Change]) -> Plan:
    """Return the plan with further changes, those made later on top."""
    return msgspec.structs.replace(plan, changes=changes.added(plan.changes, more))


def _json(value: Change) -> bytes:
    return msgspec.json.encode(value)


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _replaced(path: Path, data: bytes) -> bool:
    """Write a file in one step unless it says the same already."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
    return True
