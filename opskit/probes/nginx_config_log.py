"""What the access log of the site tells: an id that other logs have too, and how long the service took."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_findings import Findings, Told
from opskit.probes.nginx_config_level import DoubtError, Level
from opskit.probes.nginx_config_site import Site

_IDS = regex(r"request_?id|correlation_?id|trace_?id|traceparent")
_TIMES = frozenset({"upstream_response_time", "upstream_header_time", "upstream_connect_time"})


def tell_log(findings: Findings, site: Site, access_log: str) -> None:
    """Tell what the format has; of several logs, that which is configured counts, else any."""

    def asked(*, ids: bool) -> Told:
        level = _level(site)
        rows = _logs(level, access_log)
        if not rows:
            return _combined(level, ids=ids)
        fitting = [row for row in rows if _has(level, row, ids=ids)]
        note = _note(level.place(rows[0]), ids=ids)
        return Told(bool(fitting), fitting or rows, None if fitting else note)

    findings.ask("log_has_request_id", lambda: asked(ids=True))
    findings.ask("log_has_upstream_times", lambda: asked(ids=False))


def _level(site: Site) -> Level:
    """Where the API is served, or else the page."""
    try:
        return site.api().sure.level
    except DoubtError:
        return site.chat().sure.level


def _logs(level: Level, access_log: str) -> tuple[Directive, ...]:
    rows = tuple(row for row in level.all("access_log") if row.args)
    return tuple(row for row in rows if access_log and row.args[0] == access_log) or rows


def _combined(level: Level, *, ids: bool) -> Told:
    """Without any `access_log` Nginx writes one in the format `combined`."""
    return Told(False, (level.block,), _note(level.place(level.block), ids=ids))


def _has(level: Level, row: Directive, *, ids: bool) -> bool:
    if row.args[0] == "off":
        return False
    name = row.args[1] if len(row.args) > 1 and "=" not in row.args[1] else "combined"
    if name == "combined":
        return False
    http = level
    while http.above is not None:
        http = http.above
    forms = [each for each in http.named("log_format") if each.args[:1] == (name,)]
    if not forms:
        raise DoubtError(say("the log format {name} was not found", name=name))
    found = {word.lower() for word in forms[-1].args[1:]}
    return any(_IDS.search(word) for word in found) if ids else bool(found & _TIMES)


def _note(place: str, *, ids: bool) -> Message:
    if ids:
        return say("{place}: the log has no request id: use a log_format with $request_id", place=place)
    return say("{place}: the log has no times of the services: add $upstream_response_time", place=place)
