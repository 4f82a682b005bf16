"""Clawdbot's config file, with the keys of the reference deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from opskit.lab.part import ConfigError, read_config

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]

# json: as OpenClaw answers; page: as Clawdbot 2026.1 does, whose catch-all says 200 to everything; failing: 503;
# ready, unready: all of OpenClaw's routes, of which the last says that it is ready, or what of it is not.
Health = Literal["json", "page", "failing", "ready", "unready"]

# Bugs that chat UIs really have; the numbers are those of the catalogue of what makes a chat get stuck.
Defect = Literal[
    "short_timeout",  # 24: its own patience ends after 2 s
    "background_calls",  # 26: asks for a title and for tags before each answer
    "hang_requests",  # 27: takes the message and never asks the gateway
    "retry_storm",  # 28: asks up to 8 times more when an answer is not 200
    "huge_system_prompt",  # 29: sends some 6,400 tokens of instructions along with each message
]


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it listens; the reference deployment says 0.0.0.0."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    host: Text = "127.0.0.1"


class Ui(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page looks like."""

    title: Text = "Clawdbot"


class Backend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gateway and how to ask it."""

    api_base: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$")] = "http://localhost:18789/v1"
    model: Text = "qwen3:32b"
    api_key_file: str = ""
    api_key: str = ""
    key_header: Text = "X-Api-Key"
    timeout_seconds: Seconds = 300


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    server: Server = Server()
    ui: Ui = Ui()
    backend: Backend = Backend()
    log: Text = "clawdbot.log"
    health: Health = "json"
    defects: tuple[Defect, ...] = ()


def load(path: Path) -> tuple[Config, str]:
    """Return the settings of a file and the API key; raises ConfigError."""
    config = read_config(path, Config)
    key_file = config.backend.api_key_file
    if not key_file:
        return config, config.backend.api_key
    try:
        return config, Path(key_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: backend.api_key_file: {key_file}: {error}") from error
