"""Who may ask the gateway what, and how often. Pure, but for the memory of who asked when."""

from __future__ import annotations

import hmac
import ipaddress
import math
from collections import deque
from collections.abc import Mapping, Sequence

from opskit.lab.gateway.config import Auth, Network, RateLimit

_MANY_CLIENTS = 1024


class RefusedError(Exception):
    """A request that goes no further: `status`, `message` and `headers` make the answer, `detail` is for the log."""

    def __init__(self, status: int, message: str, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        """See the class; without `detail` the log says what the caller reads."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail or message
        self.headers = dict(headers or {})


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return who asks: the peer, or what the trusted proxies say about it.

    X-Forwarded-For grows at its right end and its left end is whatever a client invents. So it is walked from the
    right, and the first address that is no proxy of ours is the client. All trusted: the farthest one.
    """
    address = _plain(peer)
    if not _within(address, trusted):
        return address
    hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
    for hop in reversed(hops):
        if hop:
            address = _plain(hop)
        if not _within(address, trusted):
            break
    return address


def check_source(client: str, allowed: Sequence[Network]) -> None:
    """Refuse an address outside the allow-list."""
    if not _within(client, allowed):
        raise RefusedError(403, "source address not allowed")


def check_key(key: str | None, auth: Auth) -> None:
    """Refuse an unknown key. How long it takes tells nothing about the good ones: all are compared, in full."""
    given = (key or "").encode("latin-1")  # the bytes of the header, as ASGI servers decode them
    matches = [hmac.compare_digest(given, valid.encode()) for valid in auth.valid_keys]
    if not any(matches):
        raise RefusedError(401, "invalid api key")


def check_prompt(length: int, limit: int) -> None:
    """Refuse what is too long, counted in characters over all messages."""
    if length > limit:
        raise RefusedError(400, f"prompt too long, max {limit} chars")


class Rate:
    """The sliding window, exact, one per client address. A refused request does not count."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._taken: dict[str, deque[float]] = {}

    def check(self, client: str, settings: RateLimit, now: float) -> None:
        """Count this request, or refuse it when the window is full."""
        oldest = now - settings.window_seconds
        if len(self._taken) > _MANY_CLIENTS:
            self._taken = {who: times for who, times in self._taken.items() if times[-1] > oldest}
        taken = self._taken.get(client) or deque()
        while taken and taken[0] <= oldest:
            taken.popleft()
        if len(taken) >= settings.max_requests:
            retry_after = str(math.ceil(settings.window_seconds))  # the contract's answer, not the least that would do
            raise RefusedError(429, "rate limit exceeded", headers={"Retry-After": retry_after})
        taken.append(now)
        self._taken[client] = taken


def _plain(text: str) -> str:
    """Return an address as it is compared and logged: a socket that serves IPv6 too sees IPv4 as ::ffff:1.2.3.4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    return str(getattr(address, "ipv4_mapped", None) or address)


def _within(text: str, allowed: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in allowed)
