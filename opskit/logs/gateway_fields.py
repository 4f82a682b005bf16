"""The names under which gateways log the parts of a request, and how each value is read. Used by `gateway` only.

Names are compared in lower case and without `_` and `-`, so `request_id`, `requestId` and `request-id` are one; a dot
joins the levels of nested objects. They come from litellm's StandardLoggingPayload, one-api and new-api, Kong's AI
proxy, the Envoy AI gateway, Nginx with a JSON log_format, Caddy, uvicorn, Ollama's final object and OpenTelemetry's
gen_ai conventions. Where a record has several names of one field, the one that stands first here wins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from opskit.model.regex import regex

TimeUnit = Literal["s", "ms"]

ALIASES: dict[str, tuple[str, ...]] = {
    "at": (
        *("ts", "time", "timestamp", "@timestamp", "datetime", "asctime", "date", "created_at", "logged_at"),
        *("msec", "time_iso8601", "time_local", "end_time", "finished_at", "start_time", "started_at", "start_utc"),
        *("时间", "时间戳"),
    ),
    "began": ("start_time", "started_at"),
    "streamed": ("completion_start_time",),
    "status": (
        *("status", "status_code", "response_code", "http_status", "response_status", "code"),
        *("http.response.status_code", "http.status_code", "http_status_code", "downstream_status"),
        *("error_information.error_code", "状态码", "响应码"),
    ),
    "client": (
        *("client", "client_ip", "remote_addr", "remote_ip", "source_ip", "ip", "peer", "client_addr", "remote"),
        *("client_address", "client.address", "remote_address", "client.ip", "source.ip", "source.address"),
        *("client_host", "requester_ip_address", "客户端ip", "客户端", "来源ip"),
    ),
    "user": (
        "user_id",
        "user",
        "end_user",
        "username",
        "enduser.id",
        "user_name",
        "user.id",
        "user.name",
        "remote_user",
        "用户id",
        "用户",
    ),
    "method": ("method", "http_method", "verb", "request_method", "请求方法"),
    "path": (
        *("path", "uri", "url", "endpoint", "route", "request_uri", "target", "url.path", "http.route"),
        *("http.target", "x_envoy_origin_path", "request_path", "request_url", "url.original"),
        *("请求路径", "路径"),
    ),
    "duration": (
        "latency_human",
        *("response_time", "latency", "duration", "elapsed", "took", "process_time", "response_latency"),
        *("gen_ai.server.request.duration", "http.server.request.duration", "total_time"),
        *("request_duration", "duration_in", "耗时", "响应时间", "用时"),
    ),
    "first_byte": (
        *("ttft", "time_to_first_token", "first_token", "first_byte", "ttfb", "time_to_first_byte"),
        *("gen_ai.server.time_to_first_token",),
    ),
    "request_id": (
        *("request_id", "req_id", "x_request_id", "request.id", "correlation_id", "litellm_call_id", "trace_id"),
        *("http_x_request_id", "请求id", "请求编号", "id"),
    ),
    "agent": ("user_agent", "agent", "http_user_agent", "user_agent.original", "ua"),
    "size": ("bytes", "size", "body_bytes_sent", "bytes_sent", "response_size", "response_bytes", "size_b"),
    "model": ("model", "gen_ai.request.model", "model_name", "request_model", "gen_ai.response.model", "model_group"),
    "secret": ("api_key", "x_api_key", "key", "token", "authorization", "user_api_key"),
    "key_name": ("key_id", "api_key_id", "key_name", "token_name", "key_alias", "key_hash", "api_key_hash"),
    "error": (
        "error",
        "error_message",
        "err",
        "error_str",
        "exception",
        "error.message",
        "error.msg",
        "error_type",
        "错误信息",
        "错误",
    ),
    "prompt_tokens": (
        *("prompt_tokens", "input_tokens", "gen_ai.usage.input_tokens", "prompt_eval_count"),
        *("usage.prompt_tokens", "usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    ),
    "completion_tokens": (
        *("completion_tokens", "output_tokens", "gen_ai.usage.output_tokens", "eval_count"),
        *("usage.completion_tokens", "usage.output_tokens", "gen_ai.usage.completion_tokens"),
    ),
    # Characters, as the limits of gateways count them; `prompt_tokens` is another measure.
    "prompt_chars": ("prompt_length", "prompt_chars", "prompt_characters", "prompt_len", "input_length", "input_chars"),
    "upstream_status": ("upstream_status", "upstream_code", "upstream_status_code"),
    "event": ("event", "event_type", "msg", "message", "phase", "事件"),
    "complete": ("done", "completed", "complete", "stream_complete", "stream_done"),
    "host": ("host", "vhost", "http_host", "server_name"),
    "upstream_addr": ("upstream_addr",),
    "upstream_time": ("upstream_response_time",),
}
# Objects in which a part of the request may stand, and what must not be taken from there: a request has a size and a
# time of its own.
_BOXES = frozenset(
    {"req", "request", "res", "response", "http", "httprequest", "nginx", "access", "fields", "data", "meta"}
)
_OUTSIDE = {"req": {"at", "size", "status"}, "request": {"at", "size", "status"}, "res": {"at"}, "response": {"at"}}
# Nginx's `$request`, which is the method, the target and the version.
_LINE = "request"
_LINE_RANK = 500

# Fields whose documentation fixes the unit although the name does not say it (nginx: ngx_http_log_module; Ollama:
# docs/api; one-api and new-api: their log tables).
_FIXED: dict[str, tuple[str, float]] = {
    "requesttime": ("duration", 1.0),
    "usetime": ("duration", 1.0),
    "elapsedtime": ("duration", 1e-3),
    "totalduration": ("duration", 1e-9),
    "upstreamheadertime": ("first_byte", 1.0),
    "event.duration": ("duration", 1e-9),  # Elastic Common Schema
    "latencies.request": ("duration", 1e-3),  # Kong
}
# Spellings that belong to one family of programs: Node's loggers measure in milliseconds (pino-http, express-winston),
# and Traefik writes the time.Duration of its structure.
_SPELT = {"responseTime": 1e-3, "Duration": 1e-9}
_UNITS: dict[str, float] = {
    "milliseconds": 1e-3,
    "millis": 1e-3,
    "msec": 1e-3,
    "ms": 1e-3,
    "nanoseconds": 1e-9,
    "ns": 1e-9,
    "microseconds": 1e-6,
    "micros": 1e-6,
    "us": 1e-6,
    "seconds": 1.0,
    "secs": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "毫秒": 1e-3,
    "微秒": 1e-6,
    "秒": 1.0,
}
START = frozenset(
    {"request.start", "request.started", "request.begin", "request.received", "start", "started", "begin", "received"}
    | {"请求开始", "开始", "收到请求"}
    | {"incoming.request", "request.incoming", "start.request", "http.request.start", "http.request.started"}
)
END = frozenset(
    {"request.end", "request.ended", "request.finish", "request.finished", "request.complete", "request.completed"}
    | {"end", "ended", "finish", "finished", "complete", "completed", "done", "request", "access", "response"}
    | {"request.done", "request.failed", "request.error", "http.request", "http.access", "http.request.end"}
    | {"请求结束", "请求完成", "结束", "完成"}
    | {"request.log", "access.log", "handled.request", "response.sent", "request.handled", "error"}
)


# What any program says in any line of its log.
_ANYWHERE = frozenset({"at", "began", "streamed", "event", "error", "request_id", "model", "host", "complete"})
_TELLING = regex("status|code|method|path|url|latency|duration")


class Role(NamedTuple):
    """What a key means: the field, its place among the names of that field, and the unit in seconds if it has one."""

    field: str
    rank: int
    unit: float | None

    @property
    def line(self) -> bool:
        """Tell whether the value is Nginx's `$request`, of which the field is a part."""
        return self.rank >= _LINE_RANK


def plain(name: str) -> str:
    """Return a name without case, `_` and `-`."""
    return name.lower().replace("_", "").replace("-", "")


_ROLES: dict[str, tuple[Role, ...]] = {}
for _field, _names in ALIASES.items():
    for _rank, _name in enumerate(_names):
        _ROLES[plain(_name)] = (*_ROLES.get(plain(_name), ()), Role(_field, _rank, None))


@lru_cache(maxsize=4096)
def roles(key: str) -> tuple[Role, ...]:
    """Return what a key of a record means, () for an unknown one."""
    name = plain(key)
    found, boxes, outside = _roles(name), 0, set[str]()
    while not found and (box := name.partition(".")[0]) in _BOXES and box != name:
        name, boxes, outside = name.partition(".")[2], boxes + 1, outside | _OUTSIDE.get(box, set())
        found = _roles(name)
    unit = _SPELT.get(key.rpartition(".")[2])
    return tuple(Role(r.field, r.rank + 100 * boxes, unit or r.unit) for r in found if r.field not in outside)


def of_a_request(key: str) -> bool:
    """Tell whether a key is about a request, known or not: a line with such a key must not pass for a remark."""
    known = roles(key)
    return any(role.field not in _ANYWHERE for role in known) if known else bool(_TELLING.search(key.lower()))


def _roles(name: str) -> tuple[Role, ...]:
    if name == _LINE:
        return (Role("method", _LINE_RANK, None), Role("path", _LINE_RANK, None))
    if name in _FIXED:
        field, unit = _FIXED[name]
        return (Role(field, 100, unit),)
    if name in _ROLES:
        return _ROLES[name]
    for suffix, unit in _UNITS.items():
        stem = name.removesuffix(suffix)
        if stem != name and stem in _ROLES:
            return tuple(Role(r.field, r.rank, unit) for r in _ROLES[stem] if r.field in {"duration", "first_byte"})
        if stem != name and stem in _FIXED:
            return (Role(_FIXED[stem][0], 100, unit),)
    return ()
