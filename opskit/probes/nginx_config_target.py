"""Where a `proxy_pass` leads: host and port, by way of an `upstream` group; and with which path."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import NamedTuple

from opskit.model.message import say
from opskit.probes.address import address_of
from opskit.probes.base import ProbeError
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_level import DoubtError, Level, blocks
from opskit.probes.nginx_config_location import name_of
from opskit.probes.nginx_config_route import Route

_PORTS = {"http": 80, "https": 443}
_HERE = "(this host)"


class Target(NamedTuple):
    """One server behind Nginx; `port` is 0 for a socket of the file system."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Passed(NamedTuple):
    """A `proxy_pass` taken apart: `uri` is empty where it names none."""

    scheme: str
    host: str
    uri: str


def passed(by: Directive) -> Passed:
    """Take the address apart."""
    text = by.args[0] if by.args else ""
    scheme, _, rest = text.partition("://")
    if rest.startswith("unix:"):
        path, _, uri = rest.removeprefix("unix:").partition(":")
        return Passed(scheme.lower(), f"unix:{path}", uri)
    ends = [at for mark in "/?" if (at := rest.find(mark)) >= 0]
    # A variable right behind the address is a part of the path, as `$request_uri`; one at its beginning is none.
    at = min([*ends, *([rest.find("$")] if rest.find("$") > 0 else [])], default=len(rest))
    return Passed(scheme.lower(), rest[:at], rest[at:])


def targets(route: Route) -> list[Target]:
    """Return the servers that a request is passed to, those that are marked as down left out. Raises DoubtError."""
    to = passed(route.by)
    if not to.host or "$" in to.host or to.scheme not in _PORTS:
        raise DoubtError(say("it depends on a variable at {place}", place=route.level.place(route.by)))
    group = _group(route.level, to.host)
    if group is None:
        return [_target(to.host, _PORTS[to.scheme])]
    group.complete()
    rows = [each for each in group.named("server") if each.args and "down" not in each.args]
    if not rows:
        raise DoubtError(say("no server is in the group at {place}", place=group.place(group.block)))
    return [_target(row.args[0], _PORTS["http"]) for row in rows]


def _group(level: Level, name: str) -> Level | None:
    http = level
    while http.above is not None:
        http = http.above
    found = next((each for each in blocks(http.own, "upstream") if each.args[:1] == (name,)), None)
    if found is not None:
        return http.below(found)
    if not _is_address(_target(name, 0).host):
        http.complete()  # a group of that name may stand in what was not read
    return None


def _target(text: str, port: int) -> Target:
    if text.startswith("unix:"):
        return Target(text, 0)
    host, mark, last = text.rpartition(":")
    if not mark or not last.isdecimal() or last.endswith("]") or len(last) > 5:
        host, last = text, str(port)
    return Target(host.removeprefix("[").removesuffix("]").lower(), int(last))


def leads_to(found: Collection[Target], url: str, own: Collection[str]) -> bool:
    """Whether one of the targets is that of a URL; names and addresses of this host are equal.

    Raises DoubtError where hosts differ, because names and containers hide what is behind them.
    """
    try:
        wanted = address_of(url)
    except ProbeError as error:
        raise DoubtError(error.reason) from None
    host = _plain(wanted.host.lower(), own)
    rows = [(_plain(each.host, own), each.port) for each in found]
    if (host, wanted.port) in rows:
        return True
    other = next((each for each in found if _plain(each.host, own) != host), None)
    if other is not None:
        raise DoubtError(say("whether {host} is that of {url} cannot be told", host=str(other), url=wanted.netloc))
    return False


def _plain(host: str, own: Collection[str]) -> str:
    if host == "localhost" or host in own:
        return _HERE
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return _HERE if address.is_loopback or address.is_unspecified else str(address)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.startswith("unix:")
    return True


def path_passed(route: Route, original: str) -> str:
    """Return the path that the service receives for `original`. Raises DoubtError for variables.

    Without a `uri` in `proxy_pass` it is what the client asked for, or what a rewrite made of it; with one, the part
    that the location's name covers is replaced (ngx_http_proxy_create_request).
    """
    uri = passed(route.by).uri
    if uri == "$request_uri":
        return original
    if "$" in uri:
        raise DoubtError(say("it depends on a variable at {place}", place=route.level.place(route.by)))
    if not uri or route.broken:
        return route.path
    name = name_of(route.location)
    covered = len(name.text) if name.kind in {"", "=", "^~"} and route.location.name == "location" else 0
    return uri.partition("?")[0] + route.path[covered:]
