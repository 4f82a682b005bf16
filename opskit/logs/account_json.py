"""What was read for an answer, in the types of JSON: the same for all questions."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import msgspec

from opskit.logs.account import Account
from opskit.model.clock_face import clock_face


def account_json(account: Account, zone: tzinfo) -> dict[str, Any]:
    """Return files, numbers of lines, coverage and lines that fit no format."""
    coverage = account.coverage
    return {
        "files": [
            {
                **msgspec.structs.asdict(file),
                "path": shown(file.path),
                "error": str(file.error) if file.error else None,
            }
            for file in account.files
        ],
        "lines": account.lines,
        "parsed": account.parsed,
        "unparsed": account.unparsed,
        "examined": account.examined,
        "coverage": {
            "complete": coverage.complete,
            "first": moment(coverage.first, zone),
            "why": [str(reason) for reason in coverage.why],
        },
        "unparsed_lines": [{"path": shown(line.path), "line": shown(line.text)} for line in account.unread],
    }


def window_json(window: tuple[float | None, float | None], zone: tzinfo) -> dict[str, Any]:
    """Return the bounds of a window."""
    since, until = window
    return {"window": {"since": moment(since, zone), "until": moment(until, zone)}}


def moment(at: float | None, zone: tzinfo) -> str | None:
    """Return a time as ISO 8601."""
    return clock_face(at, zone).isoformat() if at is not None else None


def shown(text: str) -> str:
    r"""Return a text with bytes that are not UTF-8 as `\xNN`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
