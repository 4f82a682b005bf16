"""Secrets and prompts go, numbers and structure stay, and no line takes long."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.pseudonym import pseudonyms
from opskit.logs.redact import redact, redact_bytes

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("X-Api-Key: abc123", "X-Api-Key: [redacted]"),
        ("curl -H 'Authorization: Bearer abc.def' http://h", "curl -H 'Authorization: [redacted]' http://h"),
        ("Authorization: Basic dXNlcjpwdw== status=200", "Authorization: [redacted] status=200"),
        ("map[Authorization:[Bearer abcdefgh]]", "map[Authorization:[[redacted]]]"),
        ("Cookie: a=b; c=d", "Cookie: [redacted]"),
        ("Set-Cookie: sid=1; Path=/", "Set-Cookie: [redacted]"),
        ("key sk-proj_abcdefgh-1234 used", "key [redacted] used"),
        ("GET /v1?api_key=abc&token=def&x=1 HTTP/1.1", "GET /v1?api_key=[redacted]&token=[redacted]&x=1 HTTP/1.1"),
        (f"got {JWT} now", "got [redacted] now"),
        ("https://bob:pw@host/x", "https://[redacted]@host/x"),
        ("password=hunter2 next", "password=[redacted] next"),
        (
            'msg="chat request" prompt="say \\"hi\\" 500" status=200',
            'msg="chat request" prompt="[redacted]" status=200',
        ),
        ('{"prompt":"a \\" b","prompt_length":5}', '{"prompt":"[redacted]","prompt_length":5}'),
        ('{"messages":[{"role":"user","content":"]}\\""}],"n":1}', '{"messages":"[redacted]","n":1}'),
        (
            '{"api_key": "k", "password": 123, "content": null}',
            '{"api_key": "[redacted]", "password": "[redacted]", "content": null}',
        ),
        (
            '{"log":"{\\"content\\":\\"a \\\\\\" b\\",\\"n\\":1}"}',
            '{"log":"{\\"content\\":\\"[redacted]\\",\\"n\\":1}"}',
        ),
        ('{"content":"cut of', '{"content":"[redacted]'),
        ("-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\nx", "[redacted]\n\n\n\nx"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabcdef\n", "[redacted]\n\n"),
    ],
)
def test_secrets_and_prompts_are_replaced(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        '{"status":429,"request_id":"a1b2","time":"2026-11-22T13:00:01Z","prompt_length":400,"prompt_tokens":12,"path":"/v1"}',
        'msg="truncating input prompt" limit=2048 prompt=3000 keep=4 new=2048',
        "print_info: EOS token        = 151645 '<|im_end|>'",
        "task-12345678 desk-usage-report slot release: id 0 | task 0 | n_tokens = 250",
        '10.0.0.7 - - [22/Nov/2026:13:00:01 +0800] "GET / HTTP/1.1" 200 5 "https://chat/" "curl"',
        '{"content":null,"messages":5,"token":7}',
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_bytes(text.encode()) == (text.encode(), 0)


KEYS = st.sampled_from(
    ["prompt", "content", "messages", "api_key", "cookie", "token", "password", "status", "prompt_length", "x"]
)
SECRET_KEYS = {"prompt", "content", "messages", "api_key", "cookie", "password"}
VALUES = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none(),
    lambda kids: st.lists(kids, max_size=4) | st.dictionaries(KEYS, kids, max_size=4),
)


def unmasked(value: object) -> bool:
    if isinstance(value, dict):
        return any(
            (key in SECRET_KEYS and isinstance(item, str | list | dict) and item != "[redacted]") or unmasked(item)
            for key, item in value.items()
        )
    return isinstance(value, list) and any(map(unmasked, value))


@given(st.dictionaries(KEYS, VALUES), st.booleans())
def test_json_stays_json_and_no_secret_member_survives(record: dict[str, object], ascii_only: bool) -> None:
    line = json.dumps(record, ensure_ascii=ascii_only)
    clean = redact(line)
    assert not unmasked(json.loads(clean))
    assert redact(clean) == clean
    nested = redact(json.dumps({"log": line}))
    assert not unmasked(json.loads(json.loads(nested)["log"]))


@given(st.binary() | st.text(alphabet='promt="\\:{}[],sk-eyJ./@ \n', max_size=200).map(str.encode))
def test_redacting_twice_is_redacting_once_and_keeps_the_lines(data: bytes) -> None:
    once, _ = redact_bytes(data)
    assert redact_bytes(once) == (once, 0)
    assert once.count(b"\n") == data.count(b"\n")


FILLERS = [
    *(
        "\\",
        '"',
        '"prompt":',
        '"messages":[',
        "eyJ",
        "eyJ.",
        "sk-",
        "://a:",
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "token=",
    ),
    *(
        "cookie:",
        'prompt="',
        "authorization:bearer ",
        '\\"',
        "a",
        "password",
        ":",
        ".",
        "1.2.3.4",
        '"user":"',
        '"user":"\\"',
    ),
]


@pytest.mark.parametrize("filler", FILLERS)
def test_a_megabyte_of_anything_takes_linear_time(filler: str) -> None:
    def took(size: int) -> float:
        text = '"prompt":"' + filler * (size // len(filler))
        more = filler * (size // len(filler))
        start = time.process_time()
        redact(text)
        redact(more)
        pseudonyms(more.encode(), b"k")
        return time.process_time() - start

    assert took(1_000_000) < 12  # quadratic would be hours


LINE = (
    b'10.0.0.7 - - [22/Nov/2026:13:00:01 +0800] "GET / HTTP/1.1" 200 "::1" [2001:db8::5]:443 10.0.0.7:80 '
    b'{"user_id":"bob"}'
)


def test_one_address_has_one_name_under_one_secret() -> None:
    first, second = pseudonyms(LINE, b"k"), pseudonyms(LINE, b"k")
    assert first == second != pseudonyms(LINE, b"other")
    name = first.split()[0]
    assert name.startswith(b"198.1")
    assert first.count(name) == 2
    assert pseudonyms(b"client: ::ffff:10.0.0.7,", b"k") == b"client: ::ffff:" + name + b","
    assert pseudonyms(b'{"client":"10.0.0.7"}', b"k") == b'{"client":"' + name + b'"}'
    assert b"10.0.0.7" not in first
    assert b"2001:db8::5]" not in first
    assert b"bob" not in first
    assert b'{"user_id":"user-' in first


@pytest.mark.parametrize(
    "data",
    [
        b"127.0.0.1",
        b"::1",
        b"0.0.0.0",
        b"::",
        b"13:00:01",
        b"0.38.303.312 I slot",
        b"std::move",
        b"PCI:0000:cb:00",
        b'{"user":""}',
    ],
)
def test_what_names_nobody_stays(data: bytes) -> None:
    assert pseudonyms(data, b"k") == data


def test_users_as_numbers_become_texts() -> None:
    renamed = json.loads(pseudonyms(b'{"user_id": 42, "user": "42", "end_user": "a\\"b"}', b"k"))
    assert renamed["user_id"] == renamed["user"] != renamed["end_user"]
