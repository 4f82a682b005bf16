"""The engine `llama`: real llama.cpp with a real model of 135 million parameters, on the CPU."""

from __future__ import annotations

import os
import signal
import time
from importlib import import_module
from typing import Any

from opskit.lab.runner import load_lines
from opskit.lab.runner.gguf import MissingModelError, find
from opskit.lab.runner.options import Options

_TRAINED_CONTEXT = 8192  # SmolLM2: a slot cannot use more, so none is given more


def serve(options: Options) -> None:
    """Load the model and serve it until SIGTERM; MissingModelError where something is not installed."""
    try:
        xllamacpp = import_module("xllamacpp")  # carries no types
    except ImportError as error:
        raise MissingModelError(f"the llama engine is not installed: pip install xllamacpp ({error})") from error
    parameters = _configured(xllamacpp.CommonParams(), options)
    # llama.cpp's own threads do the serving: nothing here has anything to finish.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    time.sleep(options.load_seconds)
    load_lines.emit(*load_lines.offloaded(options))
    server = xllamacpp.Server(parameters)
    while server.listening_address:
        signal.pause()


def _configured(parameters: Any, options: Options) -> Any:
    parameters.model.path = str(find())
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = options.port
    parameters.n_ctx = min(options.slot_context, _TRAINED_CONTEXT) * options.parallel
    parameters.n_parallel = options.parallel
    parameters.model_alias = {options.alias}  # a set: of a string it would take the letters
    parameters.endpoint_slots = parameters.endpoint_metrics = True
    parameters.ctx_shift = True  # what Ollama asks for: an endless answer goes on
    parameters.cache_ram_mib = 0  # 8 GB of prompt cache otherwise
    parameters.ui = False
    return parameters
