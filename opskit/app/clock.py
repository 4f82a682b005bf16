"""The clock, read here and nowhere else; everything below takes `now` as an argument."""

from __future__ import annotations

from datetime import datetime

from tzlocal import get_localzone


def now() -> datetime:
    """Return the present time in the host's zone."""
    return datetime.now(get_localzone())
