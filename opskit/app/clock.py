"""The clock, read here and nowhere else; everything below takes `now` as an argument."""

from __future__ import annotations

import time
from datetime import datetime

from opskit.logs.host_zone import host_zone


def now() -> datetime:
    """Return the present time in the host's zone. Raises DefinitionError where the environment names none."""
    return datetime.now(host_zone())


def epoch() -> float:
    """Return the present time in seconds, for which no zone has to be known."""
    return time.time()
