"""The answer of `top` in the types of JSON."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from opskit.logs.account_json import account_json, shown, window_json
from opskit.logs.top import Top


def as_json(top: Top, zone: tzinfo) -> dict[str, Any]:
    """Return the answer in JSON types: times as ISO 8601 in `zone`, bytes that are not UTF-8 as `\\xNN`."""
    return {
        **window_json(top.window, zone),
        **account_json(top.account, zone),
        "matched": top.matched,
        "on_disk": top.on_disk,
        "top": {
            status: [{**dict(zip(top.by, map(shown, row.key), strict=True)), "count": row.count} for row in rows]
            for status, rows in top.top.items()
        },
    }
