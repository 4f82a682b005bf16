"""Access logs that Nginx writes as JSON."""

from __future__ import annotations

import pytest

from opskit.logs import gateway
from opskit.logs.nginx_json import by_nginx, fuller

LINE = (
    b'{"time":"2026-11-23T10:00:30+08:00","remote_addr":"10.0.0.7","request":"POST /v1/x?y HTTP/1.1","status":200,'
    b'"request_time":30.0,"request_id":"r1","connection":17,"upstream_status":"-","upstream_addr":"127.0.0.1:18789"}'
)


def test_target_connection_and_upstream_are_read() -> None:
    assert by_nginx(LINE)
    request = gateway.parse(LINE)
    assert request is not None
    told = fuller(request, LINE)
    assert (told.method, told.path, told.upstream_addr) == ("POST", "/v1/x?y", "127.0.0.1:18789")
    assert (told.connection, told.upstream_status) == (17, "")


@pytest.mark.parametrize(
    "line",
    [
        b'{"ts":1,"status":200,"request_id":"r1","response_time_ms":3}',
        b'{"ts":1,"request_time":1,"request_time":2}',
        b'{"ts":1,"request":{"uri":"/"},"upstream_status":200}',
        b"request_time request_uri",
    ],
)
def test_a_gateway_is_none(line: bytes) -> None:
    assert not by_nginx(line)
