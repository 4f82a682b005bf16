"""What the configuration does to the page of the chat, on its way to Clawdbot."""

from __future__ import annotations

from opskit.model.message import say
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_findings import Findings, Told
from opskit.probes.nginx_config_kept import UPGRADE
from opskit.probes.nginx_config_level import DoubtError, Level, blocks
from opskit.probes.nginx_config_passed import body_limit, buffered, only_passed, read_timeout, to_service, upstream
from opskit.probes.nginx_config_refusal import refusal
from opskit.probes.nginx_config_route import Route
from opskit.probes.nginx_config_server import Server
from opskit.probes.nginx_config_site import API, PAGE, Site, Way
from opskit.probes.nginx_config_target import leads_to, targets

_ANSWERS = "/api/chat"
_SOCKET = "/ws"
_HTTP_1_1_SINCE = (1, 29, 7)
"""proxy_http_version is 1.1 by itself since then."""


def tell_chat(findings: Findings, site: Site) -> None:
    """Tell the facts of the page, and of the answers that it asks for."""

    def page() -> Way:
        return site.chat()

    def answers() -> Route:
        return only_passed(site.way_of(page().server, _ANSWERS, "POST"))

    findings.ask("chat_buffered", lambda: buffered(answers()))
    findings.ask("chat_read_timeout_s", lambda: read_timeout(answers()))
    findings.ask("body_limit_chat_bytes", lambda: _limit(site))
    findings.ask("chat_upstream", lambda: upstream(only_passed(page().sure)))
    findings.ask("chat_to_clawdbot", lambda: to_service(page(), site.clawdbot, site.config.own, "Clawdbot"))
    findings.ask("refuses_status", lambda: refusal(site.way_of(page().server, _ANSWERS, "POST")))
    findings.ask("root_only", lambda: _root_only(page().sure))
    findings.ask("upgrade_headers", lambda: _upgrade(findings, site, page()))
    findings.ask("tls", lambda: _tls(site, page().server))
    findings.ask("plain_http_served", lambda: _plain(site))


def _limit(site: Site) -> Told:
    route = site.way_of(site.chat().server, _ANSWERS, "POST")
    return body_limit(route.level, route.by)


def _root_only(route: Route) -> Told:
    """Whether somebody who opens the page gets a file of this host, or a text, and not Clawdbot."""
    if route.kind == "answered" and _leads_away(route.by):
        raise DoubtError(say("{place} sends the browser elsewhere", place=route.level.place(route.by)))
    if route.kind == "other":
        raise DoubtError(say("another program answers at {place}", place=route.level.place(route.by)))
    alone = route.kind in {"files", "answered"}
    note = say("{place}: the page is not Clawdbot's: pass it on with proxy_pass", place=route.level.place(route.by))
    roots = route.level.all("root") if route.kind == "files" else ()
    return Told(alone, (route.by, *roots), note if alone else None)


def _leads_away(by: Directive) -> bool:
    return by.name == "rewrite" or not by.args or not by.args[0].isdecimal() or by.args[0].startswith("3")


def _upgrade(findings: Findings, site: Site, page: Way) -> Told:
    """Whether a WebSocket of the page can be opened. A location of its own for sockets leaves it open which is used."""
    told = _upgraded(findings, only_passed(page.sure))
    if told.value:
        return told
    other = site.way_of(page.server, _SOCKET)
    if other.location is not page.sure.location and other.kind == "passed" and _upgraded(findings, other).value:
        place = other.level.place(other.location)
        raise DoubtError(say("sockets have a location of their own: {place}", place=place))
    return told


def _upgraded(findings: Findings, route: Route) -> Told:
    level = route.level
    headers = {each.args[0].lower(): each for each in level.all("proxy_set_header") if each.args}
    upgrade, connection = headers.get("upgrade"), headers.get("connection")
    missing = say(
        "{place}: a WebSocket cannot be opened: set proxy_http_version 1.1 and the headers Upgrade and Connection",
        place=level.place(upgrade or route.by),
    )
    if upgrade is None or connection is None or not _upgrades(level, upgrade, connection):
        return Told(False, (upgrade or connection or route.by,), missing)
    version = level.one("proxy_http_version")
    if version is None and _is_newer(findings.config.version):
        return Told(True, (upgrade, connection))
    fits = level.value("proxy_http_version", "1.0") == "1.1"
    return Told(fits, (version or route.by, upgrade, connection), None if fits else missing)


def _upgrades(level: Level, upgrade: Directive, connection: Directive) -> bool:
    if upgrade.args[1:] not in {(UPGRADE,), ("websocket",), ("WebSocket",)}:
        return False
    value = connection.args[1] if len(connection.args) > 1 else ""
    if "$" not in value:
        return "upgrade" in value.lower()
    if value.lower() in {"$http_connection", UPGRADE}:
        return True
    http = level
    while http.above is not None:
        http = http.above
    entries = [each for each in blocks(http.own, "map") if each.args == (UPGRADE, value)]
    if not entries:
        raise DoubtError(say("it depends on the variable {name}", name=value))
    rows = {each.name: each.args for each in entries[-1].block or ()}
    return any("upgrade" in word.lower() for word in (*rows.get("websocket", rows.get("default", ())),))


def _is_newer(version: str) -> bool:
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    return len(numbers) == len(_HTTP_1_1_SINCE) and numbers >= _HTTP_1_1_SINCE


def _tls(site: Site, server: Server) -> Told:
    """Whether the chat is to be had with TLS."""
    listens = [each for each in server.level.named("listen") if {"ssl", "quic"} & {*each.args}]
    if server.tls:
        return Told(True, listens or server.level.named("ssl"))
    twins = [each for each in site.servers if each.tls and (_kin(each, server) or _is_served(site, each))]
    if twins:
        return Told(True, twins[0].level.named("listen"))
    by = server.level.named("listen") or (server.level.block,)
    note = say("{place}: the chat is served without TLS, unless it ends before Nginx", place=server.level.place(by[0]))
    return Told(False, by, note)


def _plain(site: Site) -> Told:
    """Whether the chat, or the API, is also to be had without TLS where others than this host can reach it."""
    doubt: DoubtError | None = None
    site.chat()
    for server in site.servers:
        if not any(
            not each.tls and _counts(site, server, each.port, outside=each.is_outside) for each in server.listens
        ):
            continue
        try:
            served = _is_served(site, server)
        except DoubtError as found:
            doubt = doubt or found
            continue
        if served:
            by = server.level.named("listen") or (server.level.block,)
            place = server.level.place(by[0])
            note = say("{place}: it is served without TLS: return 301 https://$host$request_uri there", place=place)
            return Told(True, by, note)
    if doubt is not None:
        raise doubt
    return Told(False)


def _counts(site: Site, server: Server, port: int, *, outside: bool) -> bool:
    """Port 80; and any port of a server that has the same name as, or is, one with TLS."""
    return (port == 80 and outside) or any(each.tls and _kin(each, server) for each in site.servers)


def _kin(one: Server, other: Server) -> bool:
    return one == other or bool({*one.names} & {*other.names} - {"_", ""})


def _is_served(site: Site, server: Server) -> bool:
    """Whether a request without TLS is passed on to Clawdbot or the gateway. Raises DoubtError."""
    routes = [site.way_of(server, path, method, "http") for path, method in ((PAGE, "GET"), (API, "POST"))]
    return any(
        route.kind == "passed" and _leads(site, route, url) for route in routes for url in (site.clawdbot, site.gateway)
    )


def _leads(site: Site, route: Route, url: str) -> bool:
    try:
        return leads_to(targets(route), url, site.config.own)
    except DoubtError:
        return False
