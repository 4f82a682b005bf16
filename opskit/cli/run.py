"""`opskit run`: the daemon, logging to stderr as systemd wants it."""

from __future__ import annotations

import logging
import sys

from opskit.app.daemon import run as run_daemon
from opskit.cli.options import Options
from opskit.cli.output import context_of, out


def run(options: Options, seconds: float | None) -> int:
    """Run until stopped."""
    context = context_of(options)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    run_daemon(context, out, seconds)
    return 0
