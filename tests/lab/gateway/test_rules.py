"""Who asks, and how often: the parts of the rules that are pure."""

from __future__ import annotations

import pytest

from opskit.lab.gateway.config import RateLimit, networks
from opskit.lab.gateway.rules import Rate, RefusedError, check_source, client_address

PROXIES = networks(["127.0.0.1", "192.168.7.0/24", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("203.0.113.1", ["10.0.0.1"], "203.0.113.1"),
        ("127.0.0.1", ["10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["1.1.1.1, 10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["1.1.1.1, 10.0.0.1, 192.168.7.9"], "10.0.0.1"),
        ("127.0.0.1", ["1.1.1.1", "10.0.0.1 ", " 192.168.7.9"], "10.0.0.1"),
        ("127.0.0.1", ["192.168.7.8, 192.168.7.9"], "192.168.7.8"),
        ("127.0.0.1", ["10.0.0.1, unknown"], "unknown"),
        ("127.0.0.1", ["10.0.0.1, "], "10.0.0.1"),
        ("::ffff:127.0.0.1", ["::ffff:10.0.0.1"], "10.0.0.1"),
        ("::1", ["2001:DB8::7"], "2001:db8::7"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize("client", ["10.1.0.0", "127.0.0.2", "::1", "unknown", ""])
def test_sources_that_are_not_allowed(client: str) -> None:
    with pytest.raises(RefusedError, match="source address not allowed"):
        check_source(client, networks(["127.0.0.1", "10.0.3.7/16"]))


def test_the_window_is_exact_and_refusals_do_not_count() -> None:
    rate, settings = Rate(), RateLimit(max_requests=2, window_seconds=60)
    rate.check("a", settings, 0.0)
    rate.check("a", settings, 59.0)
    for now in (59.5, 59.9):
        with pytest.raises(RefusedError):
            rate.check("a", settings, now)
    rate.check("b", settings, 59.9)
    rate.check("a", settings, 60.0)
    with pytest.raises(RefusedError) as refused:
        rate.check("a", settings, 118.9)
    assert refused.value.headers == {"Retry-After": "60"}
    rate.check("a", settings, 119.0)


def test_clients_that_stay_away_are_forgotten() -> None:
    rate, settings = Rate(), RateLimit(max_requests=1, window_seconds=60)
    for number in range(3000):
        rate.check(f"client {number}", settings, float(number))
    assert len(rate._taken) <= 1025
    with pytest.raises(RefusedError):
        rate.check("client 2999", settings, 3000.0)


def test_no_request_at_all_may_be_allowed() -> None:
    with pytest.raises(RefusedError):
        Rate().check("a", RateLimit(max_requests=0), 0.0)
