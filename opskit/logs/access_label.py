"""What an access line of a proxy or a gateway means: by its status, or by the flags that say who ended the request.

Read: the combined format of nginx, Apache and Traefik, uvicorn and Python's own server, llama-swap, llama-server,
HAProxy's HTTP log, Envoy (its own format, `key=value` and JSON), JSON access logs, and what a browser's console says of
a failed request. All text is lower-cased.
"""

from __future__ import annotations

from opskit.model.regex import regex

_STATUSES = {
    400: "warning",
    404: "not-found",
    408: "proxy-timeout",
    413: "proxy-config",
    426: "proxy-config",
    429: "proxy-limit",
    499: "client-abort",
    502: "proxy-refused",
    504: "proxy-timeout",
    # Cloudflare's own: the origin answered nonsense, refused, did not answer in time, or has no valid certificate.
    520: "proxy-reset",
    521: "proxy-refused",
    522: "proxy-timeout",
    523: "proxy-refused",
    524: "proxy-timeout",
    525: "proxy-tls",
    526: "proxy-tls",
}
_API = regex(r"[a-z]{3,10} (?:https?://[^/\s]{1,256})?/(?:api|v1|ollama)/")
_WEBSOCKET = regex(r"transport=websocket|/ws(?:/|\s|\?|$)")
_COMBINED = regex(
    r"(?:(?:\S{1,256} ){3,4}\[\d\d/[a-z]{3}/\d{4}[: ]\d\d(?::\d\d){2}(?: [+-]\d{4})?\]"
    r"|\[info\] request \S{1,80}|\[llama-swap\] \S{1,80} \[[\d :-]{19}\]"
    r"|(?:info: +|[][a-z :-]{0,12}uvicorn\.access(?: - info)?[^\w\"]{1,8}"
    r"|(?:\d{4}-\d\d-\d\d [\d:.,]{8,15} )?(?:\| info +\| )?uvicorn\.[\w.]{1,60}:\w{1,40}:\d{1,6} - )"
    r'\S{1,80} -) "([^"]*+)" (\d{3})\b'
)
# 503 is what llama-server answers until its model is loaded, and nothing else.
_LLAMA_SERVER = regex(
    r"(?:\[\d{1,5}\] )?srv +log_server_r\w*: (?:done )?(?:request: |rid \S* *\| )([a-z]{3,7} \S{1,2000}) \S{1,80} "
    r"(?:\| status )?(\d{3})\b"
)
_CONSOLE = regex(r"((?:get|post) https?://\S{1,2000}) (\d{3}) \(")
# How axios, httpx, requests and the SDKs of OpenAI tell the answer they got.
_STATED = regex(
    r"(?:failed with status code|(?:server|client) error|error code:|\"http/[\d.]{1,3}) '?([45]\d\d)\b"
    r"|\b([45]\d\d)(?: (?:(?:server|client) error: |status code \(no body\))|, message=')"
)
_ELSEWHERE = regex(r"https?://(?![^/\s]{1,256}/(?:api|v1|ollama)/)")
_JSON_STATUS = regex(r'(?<!\\)"(?:status|status_code|response_code|downstreamstatus|originstatus)": ?"?(\d{3})\b')
_JSON_REQUEST = regex(
    r'(?<!\\)"(?:method|request_method|requestmethod|request|request_uri|uri|requestpath)": ?"([^"\\]*+)'
)
_JSON_REACH = 4000
# Of a JSON record with a text of its own, `envelope` keeps the status in this form.
_KEPT_STATUS = regex(r"handled request status (\d{3})$")
# log-format httplog: status, bytes, two cookies, termination state, connections, queues.
_HAPROXY = regex(
    r"(?:^| )(-?\d{1,3}) \+?\d+ \S{1,64} \S{1,64} ([a-z-])([a-z-])[a-z-]{2} \d+/\d+/\d+/\d+/\+?\d+ \d+/\d+(?= |$)"
)
_HAPROXY_REACH = 600
_TERMINATED = {"c": "client-abort", "s": "proxy-reset", "p": "warning", "r": "proxy-limit"}
_SERVER_TIMEOUT = regex(r"(?:^| )-?\d{1,3} \+?\d+ \S{1,64} \S{1,64} s[A-Z-]{3} ")
_ENVOY = regex(r'\[\d{4}-\d\d-\d\dt[\d:.]{8,18}z\] "([^"]*+)" (\d{1,3}) ([a-z,]{2,40}|-) (\S{1,200})')
_ENVOY_FIELD = regex(r'(?:(?<!\\)"response_flags?": ?"|(?<=\s)response_flags?=)([a-z,]{2,40})(?=["\s]|$)')
_FLAGS = {
    **dict.fromkeys(("dc",), "client-abort"),
    **dict.fromkeys(("ut", "si", "dt", "umsdr"), "proxy-timeout"),
    **dict.fromkeys(("uf", "uh", "nc", "urx"), "proxy-refused"),
    **dict.fromkeys(("uc", "ur", "lr", "upe"), "proxy-reset"),
    **dict.fromkeys(("uo", "rl", "rlse"), "proxy-limit"),
    **dict.fromkeys(("nr", "nfcf"), "proxy-config"),
}


def label(text: str) -> str | None:
    """Return what the access line says, None where `text` is none."""
    low = text.lower()
    if match := _COMBINED.match(low):
        return _by_status(int(match[2]), match[1])
    if match := _CONSOLE.match(low) or _CONSOLE.match(low.partition("error ")[2]):
        return _by_status(int(match[2]), match[1])
    if match := _LLAMA_SERVER.match(low):
        return "reload" if match[2] == "503" else _by_status(int(match[2]), match[1])
    if match := _KEPT_STATUS.match(low):
        return _by_status(int(match[1]), "")
    return _by_flags(low) or _haproxy(text) or _json(low)


def stated(low: str) -> str | None:
    """Return what the status means that a client says it was answered with, None where it says none."""
    match = _STATED.search(low)
    if match is None:
        return None
    request = "" if _ELSEWHERE.search(low) else "post /api/"
    return _by_status(int(match[1] or match[2]), request)


def _by_status(status: int, request: str) -> str:
    if status == 400 and _WEBSOCKET.search(request):
        # The headers of the upgrade were lost on the way: the client asked for a WebSocket.
        return "proxy-config"
    if status == 404 and not _API.match(request):
        return "warning"
    return _STATUSES.get(status, "warning" if status >= 400 else "ok")


def _by_flags(low: str) -> str | None:
    if match := _ENVOY.match(low):
        request, status, flags, details = match.groups()
        return _flagged(flags, details) or _by_status(int(status), request)
    match = _ENVOY_FIELD.search(low, 0, _JSON_REACH)
    return _flagged(match[1], low[:_JSON_REACH]) if match else None


def _flagged(flags: str, details: str) -> str | None:
    found = next((_FLAGS[flag] for flag in flags.split(",") if flag in _FLAGS), None)
    return "proxy-timeout" if found == "proxy-refused" and "{connection_timeout}" in details else found


def _haproxy(text: str) -> str | None:
    """Judge by the termination state: who ended the session (upper case: at once, lower case: by its timeout)."""
    head = text[:_HAPROXY_REACH]
    match = _HAPROXY.search(head.lower())
    if match is None or '"' in head[: match.start()]:
        return None
    status, who, when = match.groups()
    if who == "s" and _SERVER_TIMEOUT.search(head):
        return "proxy-timeout"
    if who == "s" and when == "c":
        return "proxy-refused"
    return _TERMINATED.get(who) or _by_status(int(status), "")


def _json(low: str) -> str | None:
    if not low.startswith("{"):
        return None
    status = _JSON_STATUS.search(low, 0, _JSON_REACH)
    request = _JSON_REQUEST.search(low, 0, _JSON_REACH)
    return (
        _by_status(int(status[1]), f"post {request[1]}" if request[1].startswith("/") else request[1])
        if (status and request)
        else None
    )
