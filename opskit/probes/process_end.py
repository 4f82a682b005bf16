"""When a child process has ended, as seen by its parent."""

from __future__ import annotations

import os
import time

_TICK_S = 0.003


def is_over(pid: int, seconds: float) -> bool:
    """Wait until the process has ended, without reaping it: as long as it is not, nobody else gets its number."""
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= end:
            return False
        time.sleep(_TICK_S)
    return True
