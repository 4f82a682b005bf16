"""The life of a runner: load or fail to, serve, end on SIGTERM or with its parent."""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
from collections.abc import Sequence

from opskit.lab.runner import lifeline, load_lines
from opskit.lab.runner.gguf import MissingModelError
from opskit.lab.runner.options import Options, parse

MODEL_FAILED = 1
NOT_INSTALLED = 3


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop; return the exit status."""
    options = parse(arguments)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash on purpose leaves no core file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started the lab
    lifeline.watch(options)
    if options.out_of_memory:
        load_lines.emit(*load_lines.out_of_memory(options))
        return MODEL_FAILED
    try:
        _serve(options)
    except MissingModelError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_INSTALLED
    return 0


def _serve(options: Options) -> None:
    if options.engine == "llama":
        from opskit.lab.runner import llama

        llama.serve(options)
    else:
        from opskit.lab.runner import scripted

        scripted.serve(options)
