"""The notation of endpoints."""

from __future__ import annotations

import pytest

from opskit.model.endpoint import STARTTLS, Endpoint, endpoint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chat.example.com:443", ("chat.example.com", 443, "", "")),
        ("[2001:db8::1]:8443", ("2001:db8::1", 8443, "", "")),
        ("::1:443", ("::1", 443, "", "")),
        ("smtp:25", ("smtp", 25, "", "")),
        ("smtp://mail.example.com:25", ("mail.example.com", 25, "smtp", "")),
        ("postgres://[::1]:5432/db.example.com", ("::1", 5432, "postgres", "db.example.com")),
        ("10.0.0.5:443/chat.example.com", ("10.0.0.5", 443, "", "chat.example.com")),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, expected: tuple[str, int, str, str]) -> None:
    assert endpoint(text) == Endpoint(text, *expected)


@pytest.mark.parametrize("protocol", STARTTLS)
def test_every_protocol_has_its_prefix(protocol: str) -> None:
    found = endpoint(f"{protocol}://host:1")
    assert found is not None
    assert found.protocol == protocol


@pytest.mark.parametrize(
    "text",
    ["", "host", ":443", "host:", "host:0", "host:65536", "host:x", "host:٤٤٣", "https://host:443", "ftp://host:21",
     "smtp://host", "smtp://:25", "[]:25", "host:443/", "host:443/a/b", "a b:443", "user@host:443", "host:443\n"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert endpoint(text) is None
