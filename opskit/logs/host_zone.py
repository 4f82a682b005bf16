"""The zone of this host, which is that of its logs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem

LOCALTIME = "/etc/localtime"


def host_zone() -> tzinfo:
    """Return the host's zone. Raises DefinitionError where the environment names one that is not known."""
    linked = None if "TZ" in os.environ else _linked()
    if linked is not None:
        return linked
    from tzlocal import get_localzone

    try:
        return get_localzone()
    except (ValueError, KeyError, OSError):
        text = say("'{zone}' is no time zone: give TZ a name such as Europe/Berlin", zone=os.environ.get("TZ", ""))
        raise DefinitionError([Problem("TZ", 0, text)]) from None


def _linked() -> tzinfo | None:
    """Return the zone whose name the link at LOCALTIME tells, as on nearly every host; tzlocal takes 10 ms for that."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(os.readlink(LOCALTIME).partition("/zoneinfo/")[2])  # noqa: PTH115  # pathlib takes long to load
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return None


class HostZone(tzinfo):
    """The host's zone, found out when a time is shown: that takes as long as reading a small log."""

    @cached_property
    def _zone(self) -> tzinfo:
        return host_zone()

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        return self._zone.utcoffset(at)

    def dst(self, at: datetime | None) -> timedelta | None:
        return self._zone.dst(at)

    def tzname(self, at: datetime | None) -> str | None:
        return self._zone.tzname(at)

    def fromutc(self, at: datetime) -> datetime:
        return self._zone.fromutc(at.replace(tzinfo=self._zone)).replace(tzinfo=self)
