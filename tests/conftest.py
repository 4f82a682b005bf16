"""What holds for every test."""

from __future__ import annotations

import signal

# A shell starts its background jobs with Ctrl-C ignored, and every process they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
