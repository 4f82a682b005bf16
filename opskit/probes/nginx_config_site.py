"""Which server is the chat's: that of the configured URL by port and name, and where no name is known the one that
leads to Clawdbot; for the API that which leads to the gateway.

`https://127.0.0.1/` names nobody: several servers may share the port, and the default one may be there for strangers.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from opskit.model.message import say
from opskit.probes.address import Address, address_of
from opskit.probes.base import ProbeError
from opskit.probes.nginx_config_condition import Request
from opskit.probes.nginx_config_evidence import Config
from opskit.probes.nginx_config_level import DoubtError
from opskit.probes.nginx_config_route import Route, route
from opskit.probes.nginx_config_server import Server, fits, http_of, servers_of
from opskit.probes.nginx_config_target import leads_to, targets

API = "/v1/chat/completions"
PAGE = "/"
_MOST_TURNS = 3


class Way(NamedTuple):
    """How a server handles a path: a route, or why none can be told; and whether it leads to the service meant."""

    server: Server
    route: Route | None
    doubt: DoubtError | None
    leads: bool

    @property
    def sure(self) -> Route:
        """The route. Raises DoubtError."""
        if self.route is None:
            raise self.doubt or DoubtError(say("no server answers"))
        return self.route


class Site:
    """The servers in the order in which they come into question; the first `asked` of them are those of the URL."""

    def __init__(self, config: Config, url: str, gateway: str, clawdbot: str) -> None:
        self.config, self.gateway, self.clawdbot = config, gateway, clawdbot
        http = http_of(config)
        self.http = http
        self.servers = servers_of(http) if http else []
        self._address = _parsed(url)
        named = self._address is not None and not _is_nobody(self._address.host)
        self._host = self._address.host.lower() if self._address and named else ""
        self.named = False
        self._groups = self._in_order()

    def chat(self, path: str = PAGE) -> Way:
        """The way to Clawdbot. Raises DoubtError where several servers could be it."""
        first, *_ = self._known()
        ways = [self._way(server, path, "GET", self.clawdbot) for group in self._groups for server in group]
        if self.named:
            return self._way(first, path, "GET", self.clawdbot)
        found = next((way for way in ways if way.leads), None)
        return found or self._alone(ways)

    def api(self) -> Way:
        """The way to the gateway. Raises DoubtError where no server has one, or several servers could be it."""
        first, *_ = self._known()
        ways = [self._way(each, API, "POST", self.gateway) for group in self._groups for each in group]
        ways += [self._way(each, API, "POST", self.gateway) for each in self.servers if not self._has(each)]
        fitting = [way for way in ways if way.leads or self._is_own(way)]
        if self.named and fitting and fitting[0].server == first:
            return fitting[0]
        found = next((way for way in fitting if way.leads), None) or next(iter(fitting), None)
        if found is not None:
            return found
        unsure = next((way.doubt for way in ways if way.doubt), None)
        raise unsure or DoubtError(say("no location of its own serves {path}: Nginx may not publish the API", path=API))

    def way_of(self, server: Server, path: str, method: str = "GET", scheme: str = "") -> Route:
        """The route of a path through a server. Raises DoubtError."""
        asked = scheme or ("https" if server.tls else "http")
        name = next((each for each in server.names if _is_plain(each)), "") if len(server.names) == 1 else ""
        return route(server.level, Request(path, method, asked, self._host or name))

    def _known(self) -> list[Server]:
        if not self.servers:
            if self.http is not None:
                self.http.complete()
            raise DoubtError(say("{path} has no server", path=self.config.conf))
        return [server for group in self._groups for server in group]

    def _has(self, server: Server) -> bool:
        return any(server == each for group in self._groups for each in group)

    def _in_order(self) -> list[list[Server]]:
        port, tls = (self._address.port, self._address.scheme == "https") if self._address else (443, True)
        near = [s for s in self.servers if any(each.port == port and each.tls == tls for each in s.listens)]
        secure = [server for server in self.servers if server.tls and server not in near]
        groups = [group for group in (near, secure) if group] or [list(self.servers)]
        mine = [server for group in groups for server in group if self._host and fits(server, self._host)]
        exact = [server for server in mine if self._host in server.names] or mine
        self.named = bool(exact)
        if exact:
            groups = [exact[:1], *groups]
        return [sorted(group, key=lambda server: not _is_default(server)) for group in groups]

    def _way(self, server: Server, path: str, method: str, url: str) -> Way:
        try:
            found = self._followed(server, path, method)
        except DoubtError as doubt:
            return Way(server, None, doubt, leads=False)
        try:
            leads = found.kind == "passed" and leads_to(targets(found), url, self.config.own)
        except DoubtError:
            leads = False
        return Way(server, found, None, leads)

    def _followed(self, server: Server, path: str, method: str) -> Route:
        """The route, redirects to other paths of the same server followed."""
        found = self.way_of(server, path, method)
        for _ in range(_MOST_TURNS):
            target = found.by.args[1] if found.kind == "answered" and len(found.by.args) > 1 else ""
            if found.by.name != "return" or not target.startswith("/") or "$" in target:
                return found
            found = self.way_of(server, target, method)
        return found

    def _alone(self, ways: list[Way]) -> Way:
        """The one of several that a stranger's request gets, unless it is there to refuse strangers or send them away.

        Raises DoubtError where one of them might lead to the service, or none of them is the one.
        """
        unsure = next((way.doubt for way in ways if way.doubt), None)
        if unsure is not None:
            raise unsure
        serving = [way for way in ways if way.route is not None and way.route.kind != "answered"]
        whole = serving if len(serving) == 1 else [way for way in serving if _is_default(way.server)]
        if len(whole) == 1:
            return whole[0]
        if len(ways) == 1:
            return ways[0]
        raise DoubtError(say("several servers could be that of the chat: name it in stack.nginx.url"))

    def _is_own(self, way: Way) -> bool:
        """Whether the API has a location of its own there, and is not just served like everything else."""
        if way.route is None:
            return False
        try:
            page = self.way_of(way.server, PAGE)
        except DoubtError:
            return True
        return way.route.location is not page.location and way.route.kind == "passed"


def _is_default(server: Server) -> bool:
    return any(each.default for each in server.listens)


def _is_plain(name: str) -> bool:
    return not name.startswith(("~", "*", ".", "_")) and not name.endswith("*") and "." in name


def _is_nobody(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return True


def _parsed(url: str) -> Address | None:
    try:
        return address_of(url)
    except ProbeError:
        return None
