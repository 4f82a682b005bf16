"""The config file of the lab's Ollama. What the real one takes from its environment stands under the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from opskit.lab.part import ConfigError, read_config

Generation = Literal["0.12", "0.30"]

VERSIONS: dict[Generation, str] = {"0.12": "0.12.3", "0.30": "0.32.15"}

Defect = Literal[
    "fail_load",  # every load ends in a cudaMalloc that is out of memory
    "load_stall",  # no load ends before `load_timeout_seconds`
    "crash_mid_answer",  # the runner dies of a CUDA error after a few tokens of each answer
    "panic",  # a generation kills the whole server with a Go panic, exit status 2
    "runaway",  # answers ignore num_predict and go on up to ten times the context
    "endless_thinking",  # the whole answer is thought: message.thinking until the limit, never content
    "empty_answer",  # 200 and a final object, but no content
    "orphan_runner",  # runners are left behind at unload and at the end, with their memory on the card
]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model on the disk."""

    name: str
    size_bytes: int = 20_201_253_588  # qwen3:32b in Q4_K_M


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The card as text files of `key value` lines; later files and later lines win. See opskit/lab/gpu."""

    state_files: tuple[str, ...] = ()  # read, never written
    card: int = 0
    load_file: str = ""  # written: what this server does to the card
    on_no_vram: Literal["cpu", "fail"] = "cpu"  # when the card is gone or hardly a layer fits


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All keys."""

    log: str
    listen: str = "127.0.0.1:11434"
    engine: Literal["scripted", "llama"] = "scripted"
    generation: Generation = "0.30"
    models: tuple[Model, ...] = (Model("qwen3:32b"),)
    num_parallel: int = 1
    max_queue: int = 512
    keep_alive_seconds: float = 300.0  # negative: for ever
    max_loaded_models: int = 1
    load_timeout_seconds: float = 300.0
    context_length: int = 4096
    kv_bytes_per_token: int = 262_144  # of GPU memory, for each slot's context: qwen3:32b in f16
    gpu: Gpu | None = None  # without one, a card with room for everything is assumed
    thinking: bool = False  # the model thinks before it answers, unless a request says `think: false`
    token_delay_seconds: float = 0.03  # scripted engine only
    load_seconds: float = 0.0  # on top of what a load really takes
    defects: tuple[Defect, ...] = ()

    @property
    def version(self) -> str:
        """What /api/version says."""
        return VERSIONS[self.generation]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def find(self, name: str) -> Model | None:
        """Return the model of that name; `:latest` goes without saying, and case does not matter."""
        wanted = {name.lower(), f"{name.lower()}:latest"}
        return next((model for model in self.models if model.name.lower() in wanted), None)


class Live:
    """The settings of the moment: SIGHUP changes them under the running server."""

    def __init__(self, settings: Settings) -> None:
        """Begin with those."""
        self.settings = settings

    def has(self, defect: Defect) -> bool:
        """Whether the config asks for that bug."""
        return defect in self.settings.defects


def read(path: Path) -> Settings:
    """Return the settings of a file; raises ConfigError."""
    settings = read_config(path, Settings)
    for key in ("num_parallel", "max_queue", "max_loaded_models"):
        if getattr(settings, key) < 1:
            raise ConfigError(f"{path}: {key} must be at least 1")
    _host, _, port = settings.listen.rpartition(":")
    if not port.isdigit():
        raise ConfigError(f"{path}: listen must be HOST:PORT, not {settings.listen!r}")
    return settings
