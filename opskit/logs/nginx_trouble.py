"""What a record of Nginx's error log means for users, whatever its level is.

Levels mislead: a refused connection to a service is [error] like a scanner's missing page, a scanner's broken TLS
handshake is [crit] like a full disk. So the function that failed, the errno and what it was doing decide. Texts are
those of ngx_http_upstream.c, ngx_connection.c, ngx_http_limit_req_module.c, ngx_http_core_module.c; only their
beginnings are compared, because names that clients chose stand further on.
"""

from __future__ import annotations

from opskit.logs.nginx_error import ErrorRecord
from opskit.model.regex import regex

KINDS = (
    "upstream_timeouts",
    "upstream_refused",
    "upstream_cut",
    "connections_used_up",
    "limited",
    "bodies_refused",
    "serious",
)
_LOUD = {"crit", "alert", "emerg"}
_NO_FILES = {24, 23}
_CALL = regex(r"\w{2,24}\(\) ")
"""Behind a call stands its errno, after any name; other messages may quote a client's words and no errno."""
_IO = regex(r"(?:recv|readv|send|writev|SSL_read|SSL_write)\(\) failed")
_UNRESOLVED = regex(r"\S{1,255} could not be resolved \(")
_USED_UP = regex(r"\d{1,9} worker_connections are not enough")
_LEFT = regex(r"open socket #\d+ left in connection")
_MISSING = 2
_CLIENT_SIDE = ("SSL handshaking", "waiting for request", "keepalive", "sending to client", "reading client request")


def kind(record: ErrorRecord) -> str | None:
    """Return one of KINDS, or None for what is no trouble of this service: missing pages, clients that went away."""
    said, action = record.message, record.action or ""
    if said.startswith("upstream timed out"):
        return "upstream_timeouts"
    if _is_unreachable(record):
        return "upstream_refused"
    if said.startswith(("upstream prematurely closed", "upstream sent ")) or (_IO.match(said) and "upstream" in action):
        return "upstream_cut"
    return _own_limit(record) or ("serious" if _is_serious(record) else None)


def _is_unreachable(record: ErrorRecord) -> bool:
    """No connection to a service: refused, not allowed, no address, no TLS, or given up after earlier failures."""
    connecting = record.action in {"connecting to upstream", "SSL handshaking to upstream"}
    failed = connecting and record.message.startswith(("connect() ", "SSL_do_handshake() ", "peer closed connection"))
    return failed or record.message.startswith("no live upstreams") or bool(_UNRESOLVED.match(record.message))


def _own_limit(record: ErrorRecord) -> str | None:
    said = record.message
    if _USED_UP.match(said) or (_CALL.match(said) and record.errno in _NO_FILES):
        return "connections_used_up"
    if said.startswith(("limiting requests, excess", "limiting connections by")):
        return "limited"
    return "bodies_refused" if said.startswith("client intended to send too large") else None


def _is_serious(record: ErrorRecord) -> bool:
    """Left out: handshakes that clients break, sockets that a reload leaves open, cache files that are gone already."""
    if record.level not in _LOUD or (record.action or "").startswith(_CLIENT_SIDE):
        # "SSL handshaking to upstream" was told before: what is left of that beginning is the client's.
        return False
    gone = record.errno == _MISSING and record.message.startswith("unlink()")
    return not gone and not _LEFT.match(record.message)
