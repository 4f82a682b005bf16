"""Whether an answer that was logged as a success was whole: what gateways say of a stream without its last event.

An answer in pieces has its status long before its end. Gateways note in different words whether `data: [DONE]` or
Ollama's `"done":true` came; only fields whose meaning is certain count here. `truncated` does not: prompts are, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from opskit.logs.gateway import decoded, flat
from opskit.logs.gateway_fields import plain
from opskit.logs.request import Request
from opskit.model.regex import regex

_ENDED = frozenset(
    {"done", "completed", "complete", "finished", "ended", "sawdone", "gotdone", "doneseen", "donereceived"}
    | {"receiveddone", "donesent", "sentdone", "responsecomplete", "responsecompleted", "streamcomplete"}
    | {"streamcompleted", "streamdone", "streamfinished", "streamended"}
)
_BROKEN = frozenset(
    {"aborted", "interrupted", "incomplete", "canceled", "cancelled", "clientaborted", "clientdisconnected"}
    | {"disconnected", "responsetruncated", "streamaborted", "streambroken", "streamincomplete", "streaminterrupted"}
    | {"streamtruncated", "connectionlost"}
)
_REASONS = frozenset({"finishreason", "donereason", "stopreason"})
_BAD = frozenset({"error", "abort", "aborted", "canceled", "cancelled", "disconnect", "disconnected", "incomplete"})
# Where a gateway writes what it knows itself: deeper levels may hold what a client sent along.
_OWN = regex(r"(?:[0-3]\.)?(?:(?:response|stream|result)\.)?([^.]+)")
_PAIR = regex(r'(?<![^ ])([\w.-]{1,60})=(true|false|null|nil|"(?:[^"\\]|\\.)*+"|[^ "]*+)(?= |$)')
_WORDS = {"true": True, "false": False, "null": None, "nil": None}


def whole(request: Request, line: bytes) -> Request:
    """Return the end of a request with what its line says of the answer's last event, in JSON or in pairs."""
    if request.complete is not None or request.event != "end":
        return request
    said = dict(_said(line))
    names = _ENDED & said.keys(), _BROKEN & said.keys()
    broken = any(said[name] is False for name in names[0]) or any(said[name] is True for name in names[1])
    for name in _REASONS & said.keys():
        # A reason that is missing says something only of an answer in pieces.
        broken |= said[name] is None and said.get("stream") is True
        broken |= str(said[name]).lower() in _BAD
    return msgspec.structs.replace(request, complete=False) if broken else request


def _said(line: bytes) -> Iterator[tuple[str, object]]:
    record = decoded(line)
    if record is None:
        pairs = _PAIR.findall(line.decode("utf-8", "replace"))
        yield from ((plain(name), _WORDS.get(value, value.strip('"'))) for name, value in pairs)
        return
    for key, value in flat(record):
        if own := _OWN.fullmatch(key):
            yield plain(own[1]), value
