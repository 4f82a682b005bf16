"""Which format a file has: told from a sample, also where lines of several programs share it."""

from __future__ import annotations

import json
from datetime import UTC

import pytest

from opskit.logs.formats import detect, known
from opskit.logs.request import Request

AT = 1795323601.0
ACCESS = b'10.0.0.7 - - [22/Nov/2026:13:00:01 +0800] "GET /a HTTP/1.1" 429 5 "-" "curl"'
ERROR = (
    b"2026/11/22 05:00:01 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, "
    b'client: 10.0.0.7, server: chat, request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:1/", host: "chat"'
)
GATEWAY = b'{"ts":1795323601,"status":429,"client_ip":"10.0.0.7","path":"/a"}'


def read(*lines: bytes) -> tuple[str | None, list[Request | None]]:
    form = detect(lines)
    return (form.name, [form.parse(line) for line in lines]) if form else (None, [])


def statuses(found: list[Request | None]) -> list[int | str | None]:
    return [request and (request.status or request.event) for request in found]


@pytest.mark.parametrize(
    "prefix",
    [
        "Nov 22 13:00:01 web1 nginx: ",
        "Nov  2 13:00:01 web1 nginx[812]: ",
        "<190>Nov 22 13:00:01 web1 nginx: ",
        "<190>Nov 22 13:00:01 nginx: ",
        "2026-11-22T13:00:01.123456+08:00 web1 nginx[12]: ",
        "<190>1 2026-11-22T13:00:01.1Z web1 nginx 12 - - ",
        '<190>1 2026-11-22T13:00:01.1Z web1 nginx 12 id [a@1 b="c"][d e="f"] ',
        "2026-11-22T05:00:01.123456789Z stdout F ",
        "2026-11-22T05:00:01.123456789Z ",
        "nginx-1  | ",
        "nginx-1  | 2026-11-22T05:00:01.123456789Z ",
        "[pod/nginx-7d4/nginx] ",
    ],
)
@pytest.mark.parametrize("line", [ACCESS, GATEWAY])
def test_a_line_behind_a_prefix_is_read_as_what_it_is(prefix: str, line: bytes) -> None:
    name, (found,) = read(prefix.encode() + line)
    assert name == "syslog"
    assert found in [known()[inner].parse(line) for inner in ("combined", "gateway")]
    assert found is not None
    assert (found.at, found.status, found.client, found.path) == (AT, 429, "10.0.0.7", "/a")


def test_a_prefix_before_nothing_that_is_known_is_no_format() -> None:
    assert read(b"Nov 22 13:00:01 web1 sudo: root : TTY=pts/6")[0] is None


def test_a_container_writes_both_logs_of_nginx_to_one_stream() -> None:
    name, found = read(ERROR, ERROR, ACCESS, ERROR)
    assert (name, statuses(found)) == ("combined", ["other", "other", 429, "other"])
    assert read(ERROR, ERROR)[0] == "nginx-error"
    tail = b" 312 0.004 [web-80] [] 10.8.0.4:80 17 0.001 502 0123456789abcdef0123456789abcdef"
    name, found = read(ERROR, ACCESS + tail)
    assert (name, statuses(found)) == ("ingress-nginx", ["other", 429])


def test_a_record_of_the_error_log_goes_on_over_lines_but_not_over_any() -> None:
    record = (
        b'2026/11/22 05:00:01 [error] 7#7: *1 FastCGI sent in stderr: "PHP message: PHP Fatal error:  x in /a.php:3',
        b"Stack trace:",
        b"#0 {main}",
        b'  thrown in /a.php on line 3" while reading response header from upstream, client: 1.2.3.4, server: chat',
        b'thrown" while reading upstream, client: 1.2.3.4, server: , request: "GET / HTTP/1.1", host: "x"',
    )
    name, found = read(*record)
    assert (name, statuses(found)) == ("nginx-error", ["other"] * 5)
    assert known()["nginx-error"].parse(b"something else") is None


@pytest.mark.parametrize(
    ("line", "status", "path"),
    [
        (
            (
                '[22/Nov/2026:13:00:01 +0800] - 502 504 - POST https chat.example "/v1" [Client 10.0.0.7] [Length 5] '
                '[Gzip -] [Sent-to 10.0.0.15] "a [b] c" "-"'
            ),
            504,
            "/v1",
        ),
        (
            '[22/Nov/2026:13:00:01 +0800] 444 - GET http _ "/.env" [Client 10.0.0.7] [Length 0] [Gzip 3.10] "x" "-"',
            444,
            "/.env",
        ),
    ],
)
def test_nginx_proxy_manager(line: str, status: int, path: str) -> None:
    name, (found,) = read(line.encode())
    assert name == "nginx-proxy-manager"
    assert found is not None
    assert (found.at, found.status, found.path, found.client) == (AT, status, path, "10.0.0.7")


def test_what_else_a_gateway_says_is_understood_and_no_request() -> None:
    name, found = read(GATEWAY, b'{"ts":1795323602,"msg":"listening"}', b'{"msg":"no time"}', b"{")
    assert (name, statuses(found)) == ("gateway", [429, "other", None, None])
    name, found = read(
        b"time=2026-11-22T05:00:01Z level=INFO msg=starting",
        b"time=2026-11-22T05:00:01Z level=INFO msg=listening addr=:18789",
        b"time=2026-11-22T05:00:01Z level=INFO msg=request status=429 path=/a",
    )
    assert (name, statuses(found)) == ("logfmt", ["other", "other", 429])
    assert read(b'{"ts":1795323602,"msg":"listening"}')[0] is None


def test_a_byte_order_mark_is_no_part_of_the_client() -> None:
    _, (found,) = read(b"\xef\xbb\xbf" + ACCESS)
    assert found is not None
    assert found.client == "10.0.0.7"


def test_a_duration_without_a_unit_is_what_the_format_says() -> None:
    line = json.dumps({"ts": AT, "status": 200, "latency": 1500, "ttft_ms": 20}).encode()
    for name, seconds in {"gateway": 1500.0, "gateway-ms": 1.5}.items():
        form = known(UTC)[name]
        found = form.parse(line)
        assert found is not None
        assert (found.duration_s, found.first_byte_s) == (seconds, 0.02)
        (shape,) = form.shapes([line], ["duration_s"])
        columns = shape.columns(["duration_s"])
        row = columns.line(line)
        assert row is not None
        assert list(columns.keys([row[1]], [("duration_s", str)])) == [(str(seconds),)]
    found = known(UTC)["logfmt-ms"].parse(b"ts=2026-11-22T05:00:01Z status=200 latency=1500")
    assert found is not None
    assert found.duration_s == 1.5


@pytest.mark.parametrize(
    "line",
    [
        b"2024/01/30 10:11:12 images.go:857: INFO total blobs: 5",
        b"2024/01/30 10:11:12 routes.go:950: Listening on 127.0.0.1:11434 (version 0.1.22)",
        b'INFO [main] model loaded | tid="140" timestamp=1714000000',
        b'{"function":"initialize","level":"INFO","line":444,"msg":"initializing slots","timestamp":1714000000}',
        b"CUDA error: out of memory",
        b"  current device: 0, in function alloc at ggml-cuda.cu:233",
        b"/go/src/ggml-cuda.cu:60: CUDA error",
        b"0.01.234.567 I slot launch_slot_: id 0 | task 1 | processing task",
        b"panic: runtime error: index out of range",
        b"[signal SIGSEGV: segmentation violation code=0x1 addr=0x38 pc=0x5581]",
        b"github.com/gin-gonic/gin.(*Context).Next(0xc000001040, 0x1)",
        b"\tgin@v1.10.0/context.go:185 +0x70",
    ],
)
def test_every_generation_of_ollama_is_understood(line: bytes) -> None:
    found = known()["ollama"].parse(line)
    assert found is not None
    assert found.event == "other"


def test_a_kernel_log_in_which_nothing_happened_is_one_all_the_same() -> None:
    name, found = read(
        b"2026-11-22T13:00:01+08:00 chat1 kernel: Linux version 6.1", b"[    0.000000] Command line: quiet"
    )
    assert (name, statuses(found)) == ("kernel", ["other", "other"])
    assert known()["kernel"].parse(b"hello kernel") is None


def test_a_client_cannot_hide_behind_the_words_of_another_log() -> None:
    agent = b"Out of memory: Killed process 1 (nginx) total-vm:1kB"
    wrapped = json.dumps({"log": ACCESS.replace(b"curl", agent).decode() + "\n", "time": "2026-11-22T05:00:01Z"})
    name, (found,) = read(wrapped.encode())
    assert name == "docker"
    assert found is not None
    assert found.status == 429
