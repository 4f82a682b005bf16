"""`opskit run`: the daemon, logging to stderr as systemd wants it."""

from __future__ import annotations

import logging
import sys

from opskit.cli.log_lines import formatter
from opskit.cli.options import Options
from opskit.cli.output import context_of, out

_ARENA_MAX = -8  # malloc.h


def run(options: Options, /, seconds: float | None, once: bool, log_format: str) -> int:
    """Run until stopped, or do once what is due."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(log_format))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    if once:
        from opskit.app.once import run_once

        run_once(context_of(options), out)
        return 0
    from opskit.app.daemon import Daemon

    _keep_small()
    Daemon(lambda: context_of(options), out).run(seconds)
    return 0


def _keep_small() -> None:
    """Let all threads share one arena: glibc gives each its own, and a daemon has no use for that (mallopt(3))."""
    import ctypes
    from contextlib import suppress

    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
