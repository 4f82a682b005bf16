"""Who may ask the gateway what, and how often: the first half of the gateway's contract."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, fields, replace

from tests.stand_ins.service import Json


class RefusedError(Exception):
    """A request that goes no further; `status`, `message` and `headers` make the answer."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """See the class."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True)
class Rules:
    """The settings of the gateway that are rules. Each may be overridden, by its name, in the control file."""

    valid_keys: tuple[str, ...] = ()
    key_header: str = "X-Api-Key"
    allowed_ips: tuple[str, ...] = ("127.0.0.1", "10.0.0.0/16")
    max_requests: int = 30
    window_s: float = 60
    max_prompt: int = 32768
    first_byte_s: float = 3

    def overridden(self, control: Json) -> Rules:
        """These rules with what the control file says instead."""
        names = {each.name for each in fields(self)}
        return replace(self, **{name: value for name, value in control.items() if name in names})

    def check_key(self, key: str | None) -> None:
        """Refuse an unknown key."""
        if key not in self.valid_keys:
            raise RefusedError(401, "invalid api key")

    def check_source(self, client_ip: str) -> None:
        """Refuse an address outside the allow-list."""
        try:
            address = ipaddress.ip_address(client_ip)
        except ValueError:
            raise RefusedError(403, "source address not allowed") from None
        if not any(address in ipaddress.ip_network(each) for each in self.allowed_ips):
            raise RefusedError(403, "source address not allowed")

    def check_prompt(self, length: int) -> None:
        """Refuse what is too long, counted in characters over all messages."""
        if length > self.max_prompt:
            raise RefusedError(400, f"prompt too long, max {self.max_prompt} chars")


@dataclass
class Rate:
    """The sliding window, per source address: a refused request does not count."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _taken: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def check(self, client_ip: str, rules: Rules) -> None:
        """Count this request, or refuse it when the window is full."""
        now = time.monotonic()
        with self._lock:
            taken = self._taken[client_ip]
            while taken and taken[0] <= now - rules.window_s:
                taken.popleft()
            if len(taken) >= rules.max_requests:
                raise RefusedError(429, "rate limit exceeded", {"Retry-After": f"{rules.window_s:.0f}"})
            taken.append(now)


def client_address(peer: str, forwarded_for: str | None) -> str:
    """The peer, or what a proxy on this host saw: the last address of X-Forwarded-For, the others are mere claims."""
    if forwarded_for and ipaddress.ip_address(peer).is_loopback:
        return forwarded_for.rsplit(",", 1)[-1].strip()
    return peer
