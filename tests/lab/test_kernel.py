"""The kernel's messages in the two forms of the journal that tools read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from opskit.lab import kernel

NOW = datetime(2026, 3, 5, 14, 0, 1, 250_000, tzinfo=timezone(timedelta(hours=8)))


def test_lines_have_a_zone_without_a_colon() -> None:
    assert kernel.short_iso(NOW, kernel.xid_79()).splitlines()[1] == (
        "2026-03-05T14:00:01+0800 chat1 kernel: NVRM: Xid (PCI:0000:17:00): 79, "
        "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    )


def test_objects_have_strings_only_and_times_in_microseconds() -> None:
    entries = [json.loads(line) for line in kernel.as_json(NOW, kernel.oom_kill()).splitlines()]
    assert "Killed process 2417 (llama-server)" in entries[4]["MESSAGE"]
    assert int(entries[0]["__REALTIME_TIMESTAMP"]) == NOW.timestamp() * 1e6
    assert all(isinstance(value, str) for entry in entries for value in entry.values())


def test_a_program_is_named_where_it_made_the_engine_fail() -> None:
    assert all("): 13, pid=2417, name=llama-server, " in message for message in kernel.xid_13())
