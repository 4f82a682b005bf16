"""What holds for a location that passes requests on: buffering, time, sizes, where it leads. Defaults are Nginx's."""

from __future__ import annotations

from collections.abc import Collection

from opskit.model.message import Message, say
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_findings import Told
from opskit.probes.nginx_config_level import DoubtError, Level
from opskit.probes.nginx_config_route import Route
from opskit.probes.nginx_config_site import Way
from opskit.probes.nginx_config_target import leads_to, targets
from opskit.probes.nginx_config_values import seconds, size

_STREAM = "text/event-stream"
_TIME = "60s"
_SIZE = "1m"
_LONGEST_QUESTION = 32768 * 4
"""Characters that the gateway takes, in the most bytes that a character has."""


def only_passed(route: Route) -> Route:
    """Return the route again. Raises DoubtError where it does not end in a `proxy_pass`."""
    if route.kind != "passed":
        place = route.level.place(route.by)
        raise DoubtError(say("the request is not passed on by proxy_pass ({place})", place=place))
    return route


def buffered(route: Route) -> Told:
    """Whether answers are buffered, which holds streams back over TLS."""
    level, found = route.level, route.level.one("proxy_buffering")
    value = level.value("proxy_buffering", "on").lower()
    by = found or route.by
    note = say("{place}: Nginx holds streams back: set proxy_buffering off there", place=level.place(by))
    return Told(value != "off", (by,), note if value != "off" else None)


def buffering_set(route: Route) -> Told:
    """Whether somebody switched buffering on: it is on by itself as well."""
    found = route.level.one("proxy_buffering")
    return Told(found is not None and found.args[:1] == ("on",), (found,) if found else ())


def gzipped(route: Route) -> Told:
    """Whether streams are compressed, which holds them back too."""
    level, found = route.level, route.level.one("gzip")
    if level.value("gzip", "off").lower() != "on":
        return Told(False, (found,) if found else ())
    kinds = level.all("gzip_types")
    matching = [each for each in kinds if {_STREAM, "*"} & {word.lower() for word in each.args}]
    if not matching:
        return Told(False, kinds or ((found,) if found else ()))
    note = say("{place}: streams are compressed: set gzip off for them", place=level.place(matching[0]))
    return Told(True, matching, note)


def read_timeout(route: Route) -> Told:
    """How long a service may keep silent, in seconds."""
    level, found = route.level, route.level.one("proxy_read_timeout")
    value, by = seconds(level.value("proxy_read_timeout", _TIME)), found or route.by
    note = say(
        "{place}: an answer that keeps silent for {seconds} s ends in 504: set proxy_read_timeout 600s",
        place=level.place(by),
        seconds=value,
    )
    return Told(value, (by,), note if value <= seconds(_TIME) else None)


def body_limit(level: Level, by: Directive) -> Told:
    """How long a question may be, in bytes; -1 where it is not limited."""
    found = level.one("client_max_body_size")
    value = size(level.value("client_max_body_size", _SIZE))
    note = say(
        "{place}: questions of more than {bytes} bytes get 413: raise client_max_body_size",
        place=level.place(found or by),
        bytes=value,
    )
    return Told(value, (found or by,), note if 0 < value < _LONGEST_QUESTION else None)


def request_buffered(route: Route) -> Told:
    """Whether a question is read to its end before the service gets it."""
    found = route.level.one("proxy_request_buffering")
    return Told(route.level.value("proxy_request_buffering", "on").lower() != "off", (found or route.by,))


def limits(level: Level) -> list[Directive]:
    """The limits of requests and connections in force; those on trial (`..._dry_run`) refuse nobody."""
    found = list[Directive]()
    for name in ("limit_req", "limit_conn"):
        rows = level.all(name)
        if rows and level.value(f"{name}_dry_run", "off").lower() != "on":
            found += rows
    return found


def upstream(route: Route) -> Told:
    """The one server that it leads to, as `host:port`."""
    found = sorted({str(each) for each in targets(route)})
    if len(found) != 1:
        raise DoubtError(say("there are several: {names}", names=", ".join(found)))
    return Told(found[0], (route.by,))


def to_service(way: Way, url: str, own: Collection[str], part: str) -> Told:
    """Whether it leads to the URL of a service."""
    route = only_passed(way.sure)
    found = targets(route)
    leads = leads_to(found, url, own)
    return Told(leads, (route.by,), None if leads else _astray(route, found, url, part))


def _astray(route: Route, found: Collection[object], url: str, part: str) -> Message:
    return say(
        "{place}: it leads to {targets}, not to {part} ({url}): correct the address",
        place=route.level.place(route.by),
        targets=", ".join(str(each) for each in found),
        part=part,
        url=url,
    )
