"""Lines as Nginx and the gateway write them, so long before the time that the tests call now."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, tzinfo

from tests.probes.asking import NOW, SHANGHAI


def moment(ago_s: float, now: datetime = NOW) -> datetime:
    return now - timedelta(seconds=ago_s)


def access(
    ago_s: float, status: int = 200, request: str = "POST /api/chat HTTP/1.1", client: str = "10.0.0.1",
    agent: str = "Mozilla/5.0", now: datetime = NOW,
) -> bytes:  # fmt: skip
    stamp = moment(ago_s, now).strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'{client} - - [{stamp}] "{request}" {status} 42 "-" "{agent}"\n'.encode()


REFUSED = "connect() failed (111: Connection refused) while connecting to upstream"
TIMED_OUT = "upstream timed out (110: Connection timed out) while reading response header from upstream"
DIED = "upstream prematurely closed connection while reading upstream"


def error(
    ago_s: float, message: str = REFUSED, port: int = 18789, level: str = "error", zone: tzinfo = SHANGHAI,
    now: datetime = NOW,
) -> bytes:  # fmt: skip
    stamp = moment(ago_s, now).astimezone(zone).strftime("%Y/%m/%d %H:%M:%S")
    fields = 'client: 10.0.0.1, server: chat.example.test, request: "POST /v1/chat/completions HTTP/1.1"'
    upstream = f'upstream: "http://127.0.0.1:{port}/v1/chat/completions", host: "chat.example.test"'
    return f"{stamp} [{level}] 123#123: *7 {message}, {fields}, {upstream}\n".encode()


def start(ago_s: float, name: str, user: str | None = "alice", now: datetime = NOW, **more: object) -> bytes:
    return _gateway(ago_s, now, {"event": "request.start", "request_id": name, "user_id": user, **more})


def end(
    ago_s: float, name: str, status: int = 200, ms: int | None = 900, user: str | None = "alice",
    now: datetime = NOW, **more: object,
) -> bytes:  # fmt: skip
    ending = {"event": "request.end", "request_id": name, "user_id": user, "status": status, "response_time_ms": ms}
    return _gateway(ago_s, now, {**ending, **more})


def _gateway(ago_s: float, now: datetime, record: dict[str, object]) -> bytes:
    line = {"time": moment(ago_s, now).isoformat(timespec="milliseconds"), "client_ip": "10.0.0.1", **record}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"
