"""Where a URL leads: what a connection needs of it. For the probes that knock, and for those that look for ports."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlsplit

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.probes.base import ProbeError

_PORTS = {"http": 80, "https": 443}
_AS_WRITTEN = "/?%:@!$&'()*+,;=~[]"  # all else in a path is sent in percent notation


class Address(NamedTuple):
    """`host` as the resolver wants it, `netloc` as the Host header does; a user name and password are left out."""

    scheme: str
    host: str
    port: int
    netloc: str
    path: str


def address_of(url: str) -> Address:
    """Take an http(s) URL apart.

    Raises ProbeError where it is none that can be asked.
    """
    found = _parsed(url)
    if found is None:
        raise ProbeError(say("{url} is not an http(s) address: correct it in opskit.yaml", url=redact(url)))
    return found


def port_of(url: str) -> int | None:
    """Return the port that an http(s) URL leads to, None where it is no such URL."""
    found = _parsed(url)
    return found.port if found else None


def _parsed(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    except (ValueError, KeyError):  # UnicodeError among them: labels that are empty or too long
        return None
    if not host or not port or parts.scheme not in _PORTS:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    netloc = bracketed if parts.port is None else f"{bracketed}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return Address(parts.scheme, host, port, netloc, quote((parts.path or "/") + query, safe=_AS_WRITTEN))
