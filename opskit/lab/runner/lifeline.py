"""Standard input as a lifeline: its end means that the parent died, and a line is a command from it.

A pipe is closed by the kernel however its writer ends, SIGKILL included, and works for every parent on every Unix;
PR_SET_PDEATHSIG would also fire when merely the parent's starting thread ends.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from opskit.lab.runner import load_lines
from opskit.lab.runner.options import Options

CRASH = "crash "  # followed by CUDA's reason: the process prints it and aborts, as ggml does


def watch(options: Options) -> None:
    """Listen to standard input in the background."""
    threading.Thread(target=_listen, args=(options,), daemon=True).start()


def _listen(options: Options) -> None:
    for line in sys.stdin:
        if line.startswith(CRASH):
            load_lines.emit(*load_lines.cuda_error(line.removeprefix(CRASH).strip()))
            os.abort()
    if options.lifeline:
        _free_card(options)
        os._exit(0)


def _free_card(options: Options) -> None:
    if options.idle_file is not None and options.load_file is not None:
        with suppress(OSError):  # another runner was faster, or the lab's folder is gone
            options.idle_file.replace(options.load_file)
