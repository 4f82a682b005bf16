"""What records of Nginx's error log mean: by function, errno and action, never by the level alone."""

from __future__ import annotations

import pytest

from opskit.logs.nginx_error import parse
from opskit.logs.nginx_trouble import KINDS, kind
from tests.probes.asking import SHANGHAI

TAIL = ', client: 10.0.0.1, server: chat.example.test, request: "POST /api/chat HTTP/1.1", host: "chat.example.test"'


def meaning(level: str, message: str, tail: str = TAIL) -> str | None:
    record = parse(f"2026/11/24 03:00:00 [{level}] 5#5: *7 {message}{tail}".encode(), SHANGHAI)
    assert record is not None
    return kind(record)


MEANT = [
    ("error", "upstream timed out (110: Connection timed out) while reading response header from upstream",
     "upstream_timeouts"),
    ("error", "upstream timed out (110: Operation timed out) while connecting to upstream", "upstream_timeouts"),
    ("error", "connect() failed (111: Connection refused) while connecting to upstream", "upstream_refused"),
    ("crit", "connect() to 127.0.0.1:18789 failed (13: Permission denied) while connecting to upstream",
     "upstream_refused"),
    ("crit", "connect() to unix:/run/g.sock failed (2: No such file or directory) while connecting to upstream",
     "upstream_refused"),
    ("error", "no live upstreams while connecting to upstream", "upstream_refused"),
    ("error", "gate.internal could not be resolved (3: Host not found)", "upstream_refused"),
    ("error", "SSL_do_handshake() failed (SSL: error:0A00010B:wrong version) while SSL handshaking to upstream",
     "upstream_refused"),
    ("error", "upstream prematurely closed connection while reading response header from upstream", "upstream_cut"),
    ("error", "upstream prematurely closed connection while reading upstream", "upstream_cut"),
    ("error", "upstream sent invalid header while reading response header from upstream", "upstream_cut"),
    ("error", "recv() failed (104: Connection reset by peer) while reading response header from upstream",
     "upstream_cut"),
    ("alert", "1024 worker_connections are not enough while connecting to upstream", "connections_used_up"),
    ("alert", "1024 worker_connections are not enough", "connections_used_up"),
    ("crit", "accept4() failed (24: Too many open files)", "connections_used_up"),
    ("error", 'limiting requests, excess: 5.1 by zone "chat"', "limited"),
    ("error", 'limiting connections by zone "perip"', "limited"),
    ("error", "client intended to send too large body: 2097152 bytes", "bodies_refused"),
    ("crit", 'open() "/var/lib/nginx/body/0000000001" failed (13: Permission denied)', "serious"),
    ("crit", 'pwrite() "/var/lib/nginx/proxy/1" failed (28: No space left on device) while reading upstream',
     "serious"),
    ("emerg", "bind() to 0.0.0.0:443 failed (98: Address already in use)", "serious"),
    ("alert", "worker process 4711 exited on signal 11 (core dumped)", "serious"),
]  # fmt: skip
HARMLESS = [
    ("error", 'open() "/srv/html/.env" failed (2: No such file or directory)'),
    ("error", 'open() "/srv/html/1024 worker_connections are not enough" failed (2: No such file or directory)'),
    ("error", 'open() "/srv/upstream timed out (110: x) while reading upstream" failed (2: No such file or directory)'),
    ("error", "access forbidden by rule"),
    ("error", 'directory index of "/srv/html/(24: x/" is forbidden'),
    ("info", "client prematurely closed connection while sending request to upstream"),
    ("info", "epoll_wait() reported that client prematurely closed connection while reading upstream"),
    ("crit", "SSL_do_handshake() failed (SSL: error:0A00006C:SSL routines::bad key share) while SSL handshaking"),
    ("info", "recv() failed (104: Connection reset by peer) while sending to client"),
    ("error", 'limiting requests, dry run, excess: 5.1 by zone "chat"'),
    ("warn", 'delaying request, excess: 0.1, by zone "chat"'),
    ("warn", "an upstream response is buffered to a temporary file /var/lib/nginx/proxy/1 while reading upstream"),
    ("alert", "open socket #10 left in connection 5"),
    ("crit", 'unlink() "/var/cache/nginx/9/1f" failed (2: No such file or directory)'),
    ("notice", "signal process started"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "message", "expected"), MEANT)
def test_what_users_suffer_from_has_its_kind(level: str, message: str, expected: str) -> None:
    assert meaning(level, message) == expected


@pytest.mark.parametrize(("level", "message"), HARMLESS)
def test_what_looks_alike_is_no_trouble(level: str, message: str) -> None:
    assert meaning(level, message) is None


def test_a_level_alone_makes_no_difference_to_a_meaning() -> None:
    for level in ("warn", "error", "crit", "alert"):
        assert meaning(level, MEANT[0][1]) == "upstream_timeouts"
        assert meaning(level, MEANT[2][1]) == "upstream_refused"


def test_every_kind_has_its_line() -> None:
    assert {expected for _, _, expected in MEANT} == set(KINDS)
