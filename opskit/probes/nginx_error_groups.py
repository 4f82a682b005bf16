"""What the records of an error log have in common: which part of the way they accuse. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opskit.logs.nginx_error import ErrorRecord
from opskit.logs.nginx_trouble import kind
from opskit.model.regex import regex
from opskit.probes.address import port_of
from opskit.probes.log_tail import Line

Pair = tuple[ErrorRecord, Line]
# ECONNREFUSED, no such socket, no route to host, no network: nobody there. Of Linux, then of the BSDs and macOS, whose
# numbers mean something else on Linux that connect() never returns (ENODATA, ENOPKG, EL2HLT).
_REFUSED = {111, 2, 113, 101, 61, 65, 51}
_LOUD = {"emerg", "alert"}
_NO_FILES = {24, 23}
_FULL = {28, 122, 30}  # no space, quota, read-only
_TEMP = regex(r'(?:open|mkdir|pwrite|write|writev|rename)\(\) "[^"]{0,400}/\d{10,}" failed')
_UNRESOLVED = regex(r"\S{1,255} could not be resolved|host not found in upstream")
_OTHER_WORDS = {
    "bad_answers": ("upstream sent no valid", "upstream sent invalid", "upstream sent unsupported"),
    "headers_too_big": ("upstream sent too big header",),
    "no_live": ("no live upstreams",),
    "forbidden_by_rule": ("access forbidden by rule",),
}


def groups(recent: Sequence[Pair], gateway: int, clawdbot: int) -> Mapping[str, list[Pair]]:
    """Return the records by what they tell; `gateway` and `clawdbot` are their ports, -1 where one is not known."""

    def of(port: int, test: str) -> list[Pair]:
        tests = {"refused": _refused, "timed_out": _timed_out}
        return [pair for pair in recent if tests[test](pair[0]) and _upstream(pair[0]) == port]

    found = {
        "gateway_refused": of(gateway, "refused"),
        "gateway_timeouts": of(gateway, "timed_out"),
        "clawdbot_refused": of(clawdbot, "refused"),
        "clawdbot_timeouts": of(clawdbot, "timed_out"),
        "elsewhere_refused": [pair for pair in recent if _is_elsewhere(pair[0], {gateway, clawdbot})],
        "died_midstream": [pair for pair in recent if _died(pair[0])],
        "no_connections_left": [pair for pair in recent if "worker_connections are not enough" in pair[0].message],
        "no_files_left": [pair for pair in recent if pair[0].errno in _NO_FILES],
        "bodies_unwritable": [pair for pair in recent if _is_body(pair[0])],
        "bodies_refused": [pair for pair in recent if kind(pair[0]) == "bodies_refused"],
        "limited": [pair for pair in recent if kind(pair[0]) == "limited"],
        "disk_full": [pair for pair in recent if pair[0].errno in _FULL],
        "unresolved": [pair for pair in recent if _UNRESOLVED.match(pair[0].message)],
        "emergencies": [pair for pair in recent if pair[0].level in _LOUD],
    }
    worded = {
        name: [pair for pair in recent if pair[0].message.startswith(words)] for name, words in _OTHER_WORDS.items()
    }
    return found | worded


def clients(pairs: Sequence[Pair]) -> int:
    """Return how many clients the records name."""
    return len({record.client for record, _ in pairs if record.client})


def _is_body(record: ErrorRecord) -> bool:
    """A temporary file of a request, which has no upstream yet; those of answers have one."""
    return record.upstream is None and bool(_TEMP.match(record.message))


def _upstream(record: ErrorRecord) -> int | None:
    return port_of(record.upstream) if record.upstream else None


def _refused(record: ErrorRecord) -> bool:
    return record.errno in _REFUSED and record.message.startswith("connect()")


def _is_elsewhere(record: ErrorRecord, known: set[int]) -> bool:
    """A question that went to a port which is none of the known ones; pages of other sites are no questions.

    Where a known service has no port, or a socket is asked, nothing can be elsewhere.
    """
    if -1 in known or not _refused(record) or "//unix:" in (record.upstream or ""):
        return False
    return (record.request or "").startswith("POST ") and _upstream(record) not in {*known, None}


def _timed_out(record: ErrorRecord) -> bool:
    return record.message.startswith("upstream timed out")


def _died(record: ErrorRecord) -> bool:
    return record.message.startswith("upstream prematurely closed") and record.action == "reading upstream"
