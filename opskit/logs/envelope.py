r"""Takes a log line out of what carried it: journald, syslog, docker, Kubernetes, colours, another program's JSON.

`classify` wants the bare text, `ollama` and `kernel` also the time that the envelope names.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from opskit.logs import stamp
from opskit.model.regex import regex

_ANSI = regex(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\)?|[@-Z\\^_])|[\x00\x08\x0e\x0f\u2800-\u28ff]")
_COMPOSE = regex(r"[A-Za-z0-9][\w.-]{0,63} *\| ?")
_ISO = regex(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)\s+(?:std(?:out|err) [FP] )?")
_SYSLOG = regex(r"(?:<\d{1,3}>)?(\S{1,12} +\d{1,2} \d\d:\d\d:\d\d)(?:\.\d{1,9})? ")
_TAG = regex(r"(?:[\w.:-]{1,64} )?[A-Za-z(][\w./@()-]{0,63}(?:\[\d{1,10}\])?: ")
_TAG_PID = regex(r"(?:[\w.:-]{1,64} )?[A-Za-z][\w./@-]{0,63}\[\d{1,10}\]: (?!segfault at|trap |general pro)")
_BOOT = regex(r"\[ *(\d{1,12}\.\d{3,9})\] ?")
# `dmesg -e`: the minute where it changes, and else the seconds since the line before.
_SINCE = regex(r"\[(?: *\+\d{1,9}\.\d{3,9}|[A-Z][a-z]{2}[ \d]\d \d\d:\d\d)\] ?")
# `dmesg -x` names the facility and the level first.
_FACILITY = regex(r"(?:kern|user|daemon|syslog|local[0-7]) *:[a-z]{3,6} *: (?=\[)")
_CTIME = regex(r"\[([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] ?")
# journald's `-o short-full` names the zone as people do; `-o short-unix` counts.
_FULL = regex(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d{1,9})? (UTC|[+-]\d\d|[A-Z]{3,5}) ")
_UNIX = regex(r"(\d{10}\.\d{3,6}) (?=[\w.-]{1,64} [\w./@()-]{1,64}(?:\[\d{1,10}\])?: )")
_LLAMA = regex(r"(?:\d{1,9}\.){2,4}\d{3} ([IWEDT]) ")
_GLUED = regex(r'(?<=[^\s"\\])(?=time=20\d\d-\d\d-\d\dT)|(?<= )(?=time=20\d\d-\d\d-\d\dT)')
_LAYERS = 4
_ERROR_FIELDS = ("error", "cause", "err")
_TEXT_FIELDS = ("MESSAGE", "msg", "message", "log", "line", "1")


class Opened(msgspec.Struct, frozen=True):
    """The text of a line without its envelopes; `at` in epoch seconds, `uptime_s` where the kernel's clock is given.

    `level` is the letter of a llama-server line (`I`, `W`, `E`, `D`), "" otherwise.
    """

    text: str
    at: float | None = None
    uptime_s: float | None = None
    level: str = ""


def unwrap(line: str, zone: tzinfo = UTC, newest: float | None = None) -> Opened:
    """Return the inner text and the best time of the envelopes.

    `newest` bounds the year of syslog stamps, which name none; without it they give no time.
    """
    opened = Opened(_ANSI.sub("", line).strip())
    for _ in range(_LAYERS):
        inner = layer(opened.text, zone, newest)
        if inner is None:
            break
        opened = Opened(_ANSI.sub("", inner.text).strip(), *_merged(inner, opened))
    llama = _LLAMA.match(opened.text)
    if llama:
        return Opened(opened.text[llama.end() :].strip(), opened.at, opened.uptime_s, llama[1])
    return opened


def _merged(inner: Opened, outer: Opened) -> tuple[float | None, float | None]:
    return (
        inner.at if inner.at is not None else outer.at,
        inner.uptime_s if inner.uptime_s is not None else outer.uptime_s,
    )


def layer(text: str, zone: tzinfo, newest: float | None) -> Opened | None:
    """Open one layer, None where there is none. What is inside still has its blanks."""
    if text.startswith("{"):
        return _json(text, zone)
    if match := _ISO.match(text):
        rest = text[match.end() :]
        tag = _TAG_PID.match(rest)
        return Opened(rest[tag.end() :] if tag else rest, stamp.iso(match[1], zone))
    if match := _SYSLOG.match(text):
        rest = text[match.end() :]
        tag = _TAG.match(rest)
        at = stamp.syslog(match[1], zone, newest) if newest is not None else None
        return Opened(rest[tag.end() :] if tag else rest, at)
    return _of_journal(text, zone) or _bracketed(text, zone) or _tagged(text)


def _of_journal(text: str, zone: tzinfo) -> Opened | None:
    """Open what `journalctl -o short-full` and `-o short-unix` put in front."""
    if match := _FULL.match(text):
        rest, named = text[match.end() :], match[2]
        at = stamp.iso(f"{match[1]}{named if named == 'UTC' or named[0] in '+-' else ''}", zone)
    elif match := _UNIX.match(text):
        rest, at = text[match.end() :], float(match[1])
    else:
        return None
    tag = _TAG.match(rest)
    return Opened(rest[tag.end() :] if tag else rest, at)


def _bracketed(text: str, zone: tzinfo) -> Opened | None:
    if match := _FACILITY.match(text):
        return Opened(text[match.end() :])
    if match := _BOOT.match(text):
        return Opened(text[match.end() :], uptime_s=float(match[1]))
    if match := _CTIME.match(text):
        return Opened(text[match.end() :], _ctime(match[1], zone))
    return Opened(text[match.end() :]) if (match := _SINCE.match(text)) else None


def _tagged(text: str) -> Opened | None:
    match = _COMPOSE.match(text) or _TAG_PID.match(text)
    return Opened(text[match.end() :]) if match else None


def _ctime(text: str, zone: tzinfo) -> float | None:
    """Read the stamp of `dmesg -T`, `Fri Aug 30 11:43:09 2024`, through the syslog reader: it knows the months."""
    year = int(text[-4:])
    if not 1970 <= year <= 9000:
        return None
    return stamp.syslog(text[4:-5], zone, datetime(year, 12, 31, 23, 59, 59, tzinfo=zone).timestamp() - 86400)


def _json(text: str, zone: tzinfo) -> Opened | None:
    try:
        record = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    said = next((found for name in _TEXT_FIELDS if (found := _said(record.get(name))) is not None), "")
    parts = [said, *(_inner_error(record.get(name)) for name in _ERROR_FIELDS), _failed_status(record)]
    known = list(dict.fromkeys(part for part in parts if part))
    return Opened("\n".join(known).strip().replace("\n", " "), _record_time(record, zone)) if known else None


def _inner_error(value: object) -> str:
    """Return what an error says: a text, or an object with a message and with the code of a system call."""
    if isinstance(value, dict):
        return " ".join(part for name in ("message", "code") if isinstance(part := value.get(name), str))
    return value if isinstance(value, str) else ""


def _failed_status(record: dict[str, Any]) -> str:
    """Keep the status of an access record that has a text of its own, as Caddy writes them."""
    status = record.get("status")
    failed = type(status) is int and 400 <= status < 600 and isinstance(record.get("request"), dict)
    return f"status {status}" if failed else ""


def _said(value: object) -> str | None:
    """Return a message; journald writes one that is not UTF-8, or has controls, as an array of bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(type(item) is int and 0 <= item < 256 for item in value):
        return bytes(value).decode("utf-8", "replace")
    return None


def _record_time(record: dict[str, Any], zone: tzinfo) -> float | None:
    micros = record.get("__REALTIME_TIMESTAMP")
    if isinstance(micros, str) and micros.isascii() and micros.isdigit() and len(micros) < 20:
        return int(micros) / 1e6
    time = record.get("time", record.get("ts", record.get("timestamp")))
    if isinstance(time, str):
        return stamp.iso(time, zone)
    if isinstance(time, int | float) and not isinstance(time, bool) and 1e9 <= time < 1e14:
        return time / 1e3 if time >= 1e11 else float(time)
    return None


def unglued(text: str) -> list[str]:
    """Split where C code printed without a line end and a slog line follows: `...context 46time=2024-...`."""
    parts, start = list[str](), 0
    for match in _GLUED.finditer(text):
        if match.start() > start and text.count('"', start, match.start()) % 2 == 0:
            parts.append(text[start : match.start()])
            start = match.start()
    return [*parts, text[start:]]
