"""A notice to send."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from opskit.model.status import Status
from opskit.notify.channel import Content, Notice

NOTICE = Notice(
    seed="0123456789abcdef0123456789abcdef",
    thread="fedcba9876543210fedcba9876543210",
    kind="problem",
    content=Content(
        host="llm-1.example.com",
        check="gpu-temperature",
        status=Status.CRITICAL,
        subject="[opskit] llm-1: No GPU runs too hot",
        text="CRITICAL: No GPU runs too hot\n",
        facts={"kind": "problem", "status": "critical"},
    ),
    written=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
)


def notice(**changes: object) -> Notice:
    """Return the usual notice with some of its words changed."""
    return msgspec.structs.replace(NOTICE, content=msgspec.structs.replace(NOTICE.content, **changes))
