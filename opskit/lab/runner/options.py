"""What a runner is started with: the options of llama-server that matter here, and those of the lab."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

Engine = Literal["scripted", "llama"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`ctx_size` is for all slots together, as llama-server has it."""

    engine: Engine
    port: int
    ctx_size: int
    parallel: int
    alias: str
    model: str  # the path that the log shows
    layers: int  # of the model
    gpu_layers: int  # that go to the card
    token_delay: float  # seconds; scripted only, and a request may ask for another
    load_seconds: float  # to wait before the model is there
    out_of_memory: bool  # fail the load as a full card does
    lifeline: bool  # end when standard input ends: whoever started this process is gone
    idle_file: Path | None  # moved over `load_file` when the lifeline ends: the card's memory is free again
    load_file: Path | None

    @property
    def slot_context(self) -> int:
        """Tokens that one request may fill."""
        return max(1, self.ctx_size // self.parallel)


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process with exit status 2 and a usage line where it is wrong."""
    parser = argparse.ArgumentParser(prog="opskit.lab.runner", description="a llama-server, real or scripted")
    parser.add_argument("--engine", choices=("scripted", "llama"), default="scripted")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ctx-size", type=int, default=4096)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--alias", default="model")
    parser.add_argument("--model", default="model.gguf", help="path to show in the log")
    parser.add_argument("--layers", type=int, default=65)
    parser.add_argument("--n-gpu-layers", dest="gpu_layers", type=int, default=65)
    parser.add_argument("--token-delay", type=float, default=0.0)
    parser.add_argument("--load-seconds", type=float, default=0.0)
    parser.add_argument("--out-of-memory", action="store_true")
    parser.add_argument("--lifeline", action="store_true")
    parser.add_argument("--idle-file", type=Path)
    parser.add_argument("--load-file", type=Path)
    given = vars(parser.parse_args(arguments))
    if given["parallel"] < 1 or given["ctx_size"] < given["parallel"]:
        parser.error("--parallel must be at least 1, and --ctx-size at least --parallel")
    return Options(**given)
