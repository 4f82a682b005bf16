"""Secrets with colour codes in or around them go too, escaped or not; colours alone stay."""

from __future__ import annotations

import json

import pytest

from opskit.logs.redact import redact, redact_bytes

KEY = "sk-abcdefgh1234"
ESCAPES = ["\x1b", "\\u001b", "\\u001B", "\\x1b", "\\x1B", "\\033", "\\e", "#033", "^["]


@pytest.mark.parametrize("esc", ESCAPES)
@pytest.mark.parametrize(
    ("line", "clean"),
    [
        (f"E[36mAuthorizationE[0m: Bearer {KEY}", None),
        (f"E[36mAuthorizationE[0m: E[1;33mBasicE[0m E[33m{KEY}E[0m", None),
        (f"api_key=E[33m{KEY}E[0m", None),
        (f"E[33mapi_keyE[0m=E[33m{KEY}E[0m", None),
        (f"key E[38;5;214m{KEY}E[0m used", "key [redacted] used"),
        ("E[1mpasswordE[0m=hunter2 next", "password=[redacted] next"),
        ("E[32mcookieE[0m: a=b; c=d", "cookie: [redacted]"),
        ("sk-E[1mabcdefghE[0m1234", "[redacted]"),
        ("E[01;31mE[Kx-api-keyE[mE[K: abc123", "x-api-key: [redacted]"),
    ],
)
def test_a_secret_with_colours_is_replaced(esc: str, line: str, clean: str | None) -> None:
    found = redact(line.replace("E[", f"{esc}["))
    assert "[redacted]" in found
    assert not any(part in found for part in (KEY, "abcdefgh", "hunter2", "a=b", "abc123"))
    assert clean is None or found == clean
    assert redact(found) == found


def test_members_that_jq_has_coloured_are_replaced() -> None:
    line = '\x1b[1;39m{\x1b[34;1m"api_key"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;32m"topsecret"\x1b[0m\x1b[1;39m}\x1b[0m'
    assert redact(line) == '{"api_key": "[redacted]"}'


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_json_in_json_with_colours_stays_json(layers: int) -> None:
    text = f"\x1b[36mAuthorization\x1b[0m: Bearer {KEY} \x1b[31mpassword\x1b[0m=hunter2"
    line: object = text
    for _ in range(layers):
        line = json.dumps({"log": line})
    clean = redact(str(line))
    found: object = clean
    for _ in range(layers):
        found = json.loads(str(found))["log"]
    assert KEY not in clean
    assert "hunter2" not in clean
    assert str(found).count("[redacted]") == 2


@pytest.mark.parametrize(
    "line",
    [
        "\x1b[32mINFO\x1b[0m:     GET /v1/models 200",
        "\x1b[31mprompt_length\x1b[0m=3000 status=200",
        "[1m not a code",
        "a [33m b ^[ c #033 d",
    ],
)
def test_colours_without_a_secret_stay(line: str) -> None:
    assert redact(line) == line
    assert redact_bytes(line.encode()) == (line.encode(), 0)


def test_what_only_looks_like_a_code_hides_no_key() -> None:
    assert KEY[3:] not in redact(f"\x1b[{KEY}")
    assert KEY[3:] not in redact(f"\x1b]0;api_key={KEY}\x07 \x1b[1mpassword\x1b[0m=x")


def test_a_line_of_nothing_but_codes_keeps_its_line_end() -> None:
    data = b"\x1b[0m" * 50_000 + b"\n\x1b[1mpassword\x1b[0m: x\n"
    clean, count = redact_bytes(data)
    assert (clean.count(b"\n"), count) == (2, 1)
