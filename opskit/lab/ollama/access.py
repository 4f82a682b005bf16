"""What stands around every route: gin's access line when a request has ended, and who may ask at all."""

from __future__ import annotations

import ipaddress
import socket
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opskit.lab.ollama.journal import Journal

_CLIENT_LEFT = 499
_OUR_ORIGINS = {"localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104  a name to compare with, nothing is bound to it
_LOCAL_NAMES = (".localhost", ".local", ".internal")


class Access:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, journal: Journal, host: str) -> None:
        """`host` is the address that the server listens on: only on loopback is the Host header looked at."""
        self._app = app
        self._journal = journal
        self._guarded = _is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request and log it, however it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers = Headers(scope=scope)
        allowed = (not self._guarded or host_allowed(headers.get("host", ""))) and _origin_allowed(headers)
        try:
            await (self._app if allowed else Response(status_code=403))(scope, receive, noted)
        finally:
            query = scope["query_string"].decode("ascii", "backslashreplace")
            path = scope["path"] + (f"?{query}" if query else "")
            client = scope["client"][0] if scope["client"] else "127.0.0.1"
            left = scope.get("gone_status", _CLIENT_LEFT)
            self._journal.gin(status or left, monotonic() - began, client, scope["method"], path)


def host_allowed(header: str) -> bool:
    """Whether a Host header names this host, as allowedHostsMiddleware in server/routes.go decides it."""
    host = (urlsplit(f"//{header}").hostname or "").lower()
    if host in {"", "localhost", socket.gethostname().lower()} or host.endswith(_LOCAL_NAMES):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_unspecified


def _origin_allowed(headers: Headers) -> bool:
    origin = urlsplit(headers.get("origin", ""))
    same = origin.netloc == headers.get("host", "")
    return same or origin.scheme not in {"http", "https"} or origin.hostname in _OUR_ORIGINS


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
