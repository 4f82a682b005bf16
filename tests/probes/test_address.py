"""URLs as operators write them, and what they cannot mean."""

from __future__ import annotations

import pytest

from opskit.probes.address import address_of, port_of
from opskit.probes.base import ProbeError


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "http://", "http://x:99999/", "http://x:abc/", "http://[::1/", "http://.x/", "http://" + "a" * 70,
     "//x/", "http://x:0/"],
)  # fmt: skip
def test_what_is_no_address_is_said_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ProbeError, match="is not an http"):
        address_of(url)
    assert port_of(url) is None


@pytest.mark.parametrize(
    ("url", "port", "netloc", "path"),
    [
        ("http://127.0.0.1:8080/health", 8080, "127.0.0.1:8080", "/health"),
        ("https://chat.example.test", 443, "chat.example.test", "/"),
        ("http://[::1]:11434/api/ps?x=1", 11434, "[::1]:11434", "/api/ps?x=1"),
        ("https://聊天.example/", 443, "xn--rss932g.example", "/"),
        ("http://bob:secret@gate:18789/v1", 18789, "gate:18789", "/v1"),
    ],
)
def test_an_address_is_taken_apart(url: str, port: int, netloc: str, path: str) -> None:
    found = address_of(url)
    assert (found.port, found.netloc, found.path) == (port, netloc, path)
    assert port_of(url) == port
