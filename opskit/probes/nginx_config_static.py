"""What locations inside of the site lose: files that nobody serves, and headers that their own replace."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.model.message import say
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_findings import Findings, Told
from opskit.probes.nginx_config_level import DoubtError, Level
from opskit.probes.nginx_config_location import is_pattern
from opskit.probes.nginx_config_route import Route
from opskit.probes.nginx_config_site import Site

_FILES = ("/app.js", "/style.css", "/assets/index.js", "/assets/index.css", "/static/app.js", "/static/app.css")
_SECURITY = frozenset({
    "x-frame-options", "x-content-type-options", "x-xss-protection", "referrer-policy", "content-security-policy",
    "strict-transport-security", "permissions-policy", "cross-origin-opener-policy", "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
})  # fmt: skip
_MOST_LEVELS = 500


def tell_static(findings: Findings, site: Site) -> None:
    """Tell the facts of the locations beside the page and the API."""
    findings.ask("static_unserved", lambda: _unserved(site))
    findings.ask("headers_lost", lambda: _lost(site))


def _unserved(site: Site) -> Told:
    """Whether scripts and styles of the page are looked for in Nginx's default root, where nobody has put them."""
    way = site.chat()
    if way.sure.kind != "passed":
        return Told(False)
    doubt: DoubtError | None = None
    for path in _FILES:
        try:
            route = site.way_of(way.server, path)
            lost = route.kind == "files" and is_pattern(route.location) and not _has_root(route)
        except DoubtError as found:
            doubt = doubt or found
            continue
        if lost:
            place = route.level.place(route.location)
            note = say("{place}: {path} gets 404 from Nginx: add proxy_pass or root there", place=place, path=path)
            return Told(True, (route.location,), note)
    if doubt is not None:
        raise doubt
    return Told(False)


def _has_root(route: Route) -> bool:
    """Whether a folder is named, or a way out where a file is missing."""
    return any(route.level.all(name) for name in ("root", "alias", "error_page"))


def _lost(site: Site) -> Told:
    server = site.chat().server.level
    found = list[Directive]()
    for number, level in enumerate(_levels(server)):
        if number >= _MOST_LEVELS:
            raise DoubtError(say("there are too many locations"))
        above = level.above
        own = level.named("add_header")
        if above is None or not own or level.value("add_header_inherit", "on") == "merge":
            level.complete()
            continue
        if _names(above.all("add_header")) - _names(own):
            found.append(own[0])
    note = None
    if found:
        note = say(
            "{place}: its add_header drops the security headers of the server: repeat them there",
            place=server.place(found[0]),
        )
    return Told(len(found), found, note)


def _levels(level: Level) -> Iterator[Level]:
    """All blocks inside of a server that answer requests."""
    for each in level.own:
        if each.block is not None and each.name in {"location", "if", "limit_except"}:
            inner = level.below(each)
            yield inner
            yield from _levels(inner)


def _names(headers: tuple[Directive, ...]) -> set[str]:
    return {each.args[0].lower() for each in headers if each.args} & _SECURITY
