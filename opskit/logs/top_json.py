"""The answer of `top` in the types of JSON."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import msgspec

from opskit.logs.top import Top


def as_json(top: Top, zone: tzinfo) -> dict[str, Any]:
    """Return the answer in JSON types: times as ISO 8601 in `zone`, bytes that are not UTF-8 as `\\xNN`."""
    since, until = top.window
    return {
        "window": {"since": _iso(since, zone), "until": _iso(until, zone)},
        "files": [
            {
                **msgspec.structs.asdict(file),
                "path": _shown(file.path),
                "error": str(file.error) if file.error else None,
            }
            for file in top.files
        ],
        "lines": top.lines,
        "parsed": top.parsed,
        "unparsed": top.unparsed,
        "matched": top.matched,
        "top": {
            status: [{**dict(zip(top.by, map(_shown, row.key), strict=True)), "count": row.count} for row in rows]
            for status, rows in top.top.items()
        },
        "unparsed_lines": [{"path": _shown(line.path), "line": _shown(line.text)} for line in top.unread],
    }


def _iso(at: float | None, zone: tzinfo) -> str | None:
    return datetime.fromtimestamp(at, zone).isoformat() if at is not None else None


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
