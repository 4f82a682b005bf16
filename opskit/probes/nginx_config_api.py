"""What the configuration does to requests for the API, on their way to the gateway."""

from __future__ import annotations

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.probes.nginx_config_findings import Findings, Told
from opskit.probes.nginx_config_level import DoubtError
from opskit.probes.nginx_config_passed import (
    body_limit,
    buffered,
    buffering_set,
    gzipped,
    limits,
    only_passed,
    read_timeout,
    request_buffered,
    to_service,
    upstream,
)
from opskit.probes.nginx_config_route import Route
from opskit.probes.nginx_config_site import API, Site, Way
from opskit.probes.nginx_config_target import path_passed


def tell_api(findings: Findings, site: Site) -> None:
    """Tell the facts of the location that serves /v1/chat/completions."""

    def way() -> Way:
        return site.api()

    def passed() -> Route:
        return only_passed(way().sure)

    findings.ask("api_buffered", lambda: buffered(passed()))
    findings.ask("buffering_set", lambda: buffering_set(passed()))
    findings.ask("api_gzip", lambda: gzipped(passed()))
    findings.ask("api_read_timeout_s", lambda: read_timeout(passed()))
    findings.ask("api_upstream", lambda: upstream(passed()))
    findings.ask("api_to_gateway", lambda: to_service(way(), site.gateway, site.config.own, "the gateway"))
    findings.ask("api_passed_path", lambda: _path(passed()))
    findings.ask("api_path_kept", lambda: _kept(passed()))
    findings.ask("request_buffered", lambda: request_buffered(passed()))
    findings.ask("body_limit_bytes", lambda: body_limit(way().sure.level, way().sure.by))
    findings.ask("rate_limited", lambda: _limited(site))


def _path(route: Route) -> Told:
    return Told(redact(path_passed(route, API)), (route.by,))


def _kept(route: Route) -> Told:
    path = path_passed(route, API)
    note = say(
        "{place}: the gateway gets {path} instead of {asked}: take the path, or its last /, out of proxy_pass",
        place=route.level.place(route.by),
        path=redact(path),
        asked=API,
    )
    rewrites = [each for each in route.level.named("rewrite") if route.changed]
    return Told(path == API, (route.by, *rewrites), None if path == API else note)


def _limited(site: Site) -> Told:
    """Whether requests for the API or the page are limited; with neither of them known nothing can be told."""
    doubts, known = list[DoubtError](), 0
    for look in (site.api, site.chat):
        try:
            level = look().sure.level
            found, known = limits(level), known + 1
        except DoubtError as doubt:
            doubts.append(doubt)
            continue
        if found:
            note = say("{place}: requests beyond the limit get 503: see whom it counts", place=level.place(found[0]))
            return Told(True, found, note)
    if doubts and (not known or _matters(site)):
        raise doubts[0]
    return Told(False)


def _matters(site: Site) -> bool:
    """Whether a doubt is about the API's own way; that no location serves it is none."""
    try:
        site.api()
    except DoubtError:
        return False
    return True
