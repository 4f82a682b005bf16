"""Where a URL leads: what a connection needs of it. For the probes that knock, and for those that look for ports."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import msgspec

from opskit.model.message import say
from opskit.probes.base import ProbeError

_PORTS = {"http": 80, "https": 443}
_AS_WRITTEN = "/?%:@!$&'()*+,;=~[]"  # all else in a path is sent in percent notation


class Address(msgspec.Struct, frozen=True):
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
        from opskit.logs.redact import redact

        raise ProbeError(say("{url} is not an http(s) address: correct it in opskit.yaml", url=redact(url)))
    return found


def port_of(url: str) -> int | None:
    """Return the port that an http(s) URL leads to, None where it is no such URL."""
    found = _parsed(url)
    return found.port if found else None


def stays_here(url: str) -> bool:
    """Whether what is sent stays on this host, where a certificate is for another name and nobody listens in."""
    host = ""
    try:
        host = urlsplit(url).hostname or ""
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parsed(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
        host = _on_the_wire(parts.hostname or "")
        port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    except (ValueError, KeyError):  # UnicodeError among them: labels that are empty or too long
        return None
    if not host or not port or parts.scheme not in _PORTS:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    netloc = bracketed if parts.port is None else f"{bracketed}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return Address(parts.scheme, host, port, netloc, quote((parts.path or "/") + query, safe=_AS_WRITTEN))


def _on_the_wire(host: str) -> str:
    """The name in IDNA. What is ASCII already stays as it is, and need not wait for the tables of Unicode.

    Raises UnicodeError for labels that are empty or too long.
    """
    *labels, last = host.split(".")
    if host.isascii() and all(0 < len(label) < 64 for label in labels) and len(last) < 64:
        return host
    return host.encode("idna").decode()
