"""Logs that are not all of one kind: what is there is counted, what is not understood is told."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import pytest

from opskit.logs import reading
from opskit.logs.account import Span
from opskit.logs.others import gateway_line
from opskit.logs.stats import stats
from opskit.logs.top import Query, Top, count

COMBINED = b'10.0.0.7 - - [22/Nov/2026:13:00:00 +0800] "GET /a HTTP/1.1" 429 5 "-" "curl"\n'
GATEWAY = b'{"ts":"2026-11-22T13:00:01+08:00","status":429,"client_ip":"10.0.0.8","path":"/a"}\n'
JUNK = b"stack trace at foo:1\n"


def counted(path: Path, data: bytes) -> Top:
    path.write_bytes(data)
    return count(Query(paths=(path,), statuses=(429,)))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(("one", "other"), [(COMBINED, GATEWAY), (GATEWAY, COMBINED)])
def test_a_log_may_change_its_format_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: bytes, other: bytes, large: bool
) -> None:
    if large:
        monkeypatch.setattr(reading, "LARGE", -1)
    found = counted(tmp_path / "a.log", one * 300 + other * 300 + JUNK * 3)
    assert {row.key[0]: row.count for row in found.top["429"]} == {"10.0.0.7": 300, "10.0.0.8": 300}
    assert (found.account.lines, found.account.unparsed) == (603, 3)


def test_lines_between_much_that_is_foreign_are_found(tmp_path: Path) -> None:
    found = counted(tmp_path / "a.log", JUNK * 4000 + COMBINED * 100 + JUNK * 4000)
    assert (found.matched, found.account.unparsed) == (100, 8000)


def test_after_thousands_of_strange_lines_no_other_format_is_tried(tmp_path: Path) -> None:
    found = counted(tmp_path / "a.log", COMBINED + JUNK * 5000 + GATEWAY)
    assert (found.matched, found.account.unparsed) == (1, 5001)


@pytest.mark.parametrize("record", [{"http_code": 429}, {"status": "x"}, {"url": "/a"}, {"resp": {"statusText": "no"}}])
def test_a_line_about_a_request_never_passes_for_a_remark(record: dict[str, object]) -> None:
    line = json.dumps({"time": "2026-11-22T13:00:01Z", "msg": "x", **record}).encode()
    assert gateway_line(line, "s", UTC) is None


def test_a_remark_between_requests_is_understood(tmp_path: Path) -> None:
    remark = b'{"time":"2026-11-22T13:00:01Z","level":"info","msg":"listening","model":"qwen3:32b"}\n'
    path = tmp_path / "gateway.log"
    path.write_bytes(GATEWAY * 3 + remark)
    found = stats(Span(paths=(path,)))
    assert (found.account.parsed, found.account.unparsed, found.by_status) == (4, 0, {"429": 3})
