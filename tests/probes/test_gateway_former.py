"""The window against the same hours of the days before, and the budget of failures."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from opskit.judge.burn import burn_rate
from opskit.logs.account import Span
from opskit.logs.tally import tally
from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.lines import end

DAY = 86_400.0
HOUR = 3600.0


def written(folder: Path, days: int, now: datetime, bad: int = 2) -> Path:
    """A log of today beside one rotated and compressed file a day: 48 requests each, `bad` of them 503 at noon."""
    path = folder / "gateway.log"
    for day in range(days + 1):
        rows = [(day * DAY + n * 1800.0 + 600, 200) for n in range(48)]
        rows += [(day * DAY + 12 * HOUR + n, 503) for n in range(bad if day else 24)]
        rows.append((day * DAY + 11 * HOUR, 0))
        data = b"".join(
            end(ago, f"opskit-{day}" if not status else f"r{day}-{ago}", status=status or 401, now=now)
            for ago, status in sorted(rows, reverse=True)
        )
        target = path if day == 0 else folder / f"gateway.log.{day}.gz"
        target.write_bytes(data if day == 0 else gzip.compress(data))
        at = now.timestamp() - day * DAY
        os.utime(target, (at, at))
    return path


def test_a_day_is_held_against_the_worst_of_the_days_before(tmp_path: Path) -> None:
    path = written(tmp_path, 8, datetime.now(UTC))
    reading = ask("gateway_log", seconds=20, path=str(path), recent_s=DAY, former_days=7)
    assert (value(reading, "requests"), value(reading, "count_5xx")) == (72, 24)
    assert (value(reading, "times_usual_5xx"), value(reading, "times_usual_401")) == (12, 0)
    told = [str(note) for note in reading.notes]
    (against,) = [note for note in told if note.startswith("against the same time of 7 former days: 401 0 (0-0), ")]
    assert "5xx 24 (2-2), 72 (50-" in against
    assert (value(reading, "burn_1h"), value(reading, "burn_3d")) == (0, pytest.approx(28 / 172 / 0.01, rel=0.01))
    assert any(note.startswith("objective: 99 percent of requests without 5xx") for note in told)


def test_a_log_that_reaches_back_too_short_is_not_compared(tmp_path: Path) -> None:
    path = written(tmp_path, 2, datetime.now(UTC))
    reading = ask("gateway_log", seconds=20, path=str(path), recent_s=DAY, former_days=7)
    assert not series(reading, "times_usual_5xx")
    assert any(
        str(note).startswith("not compared with former days: the log reaches back over 1 of 7")
        for note in reading.notes
    )


def test_the_days_before_are_part_of_the_evidence_and_may_be_missing(tmp_path: Path) -> None:
    path = written(tmp_path, 8, datetime.now(UTC))
    raws = collect("gateway_log", seconds=20, path=str(path), recent_s=DAY, former_days=7)
    assert {raw.name for raw in raws} >= {"gateway-former.json", "gateway.log"}
    now = datetime.now(UTC)
    assert value(replay("gateway_log", raws, now, recent_s=DAY, former_days=7), "times_usual_5xx") == 12
    alone = replay("gateway_log", raws[1:], now, recent_s=DAY, former_days=7)
    assert (value(alone, "count_5xx"), series(alone, "times_usual_5xx")) == (24, [])
    assert not series(replay("gateway_log", raws, now, recent_s=DAY), "times_usual_5xx")


def test_good_answers_alone_tell_how_fast_and_at_which_rate() -> None:
    log = b"".join(
        end(90 - n, f"a{n}", ms=1000 + n * 10, first_token_ms=200 + n, completion_tokens=80) for n in range(20)
    ) + b"".join(end(60 - n, f"b{n}", status=500, ms=1) for n in range(20))
    reading = replay("gateway_log", log)
    assert (value(reading, "answer_p50_s"), value(reading, "answer_p95_s")) == (1.09, 1.18)
    assert (value(reading, "first_token_p50_s"), value(reading, "completion_tokens")) == (0.209, 1600)
    assert value(reading, "tokens_per_s") == pytest.approx(80 / 0.885, rel=0.01)


def test_the_budget_burns_by_several_failures_only() -> None:
    assert burn_rate(0, 0, 99.0) is None
    assert burn_rate(1, 10, 100.0) is None
    assert (burn_rate(4, 10, 99.0), burn_rate(5, 100, 99.0)) == (0.0, pytest.approx(5.0))


def test_a_tally_counts_ends_of_others_within_its_span(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    log = tmp_path / "g.log"
    rows = [
        end(ago, f"r{ago}", status=status, now=now) for ago, status in ((7200, 200), (900, 401), (890, 401), (10, 200))
    ]
    log.write_bytes(b"".join(rows) + end(5, "opskit-1", now=now) + b"not a record\n")
    since = (now - timedelta(hours=1)).timestamp()
    found = tally(Span(paths=(log,), since=since, until=now.timestamp()), 300, "opskit-")
    assert found.counts == {(int(now.timestamp()) - 900, 401): 2, (int(now.timestamp()) - 300, 200): 1}
    assert tally(Span(paths=(log,)), 300).counts[int(now.timestamp()) - 300, 200] == 2


def test_part_of_a_day_is_not_held_against_whole_days(tmp_path: Path) -> None:
    path = written(tmp_path, 8, datetime.now(UTC))
    raws = collect("gateway_log", seconds=20, path=str(path), recent_s=DAY, former_days=7)
    cut = [raw if raw.name != "gateway.log" else msgspec.structs.replace(raw, complete=False) for raw in raws]
    reading = replay("gateway_log", cut, datetime.now(UTC), recent_s=DAY, former_days=7)
    assert not series(reading, "times_usual_5xx")
    assert any("only the newest part" in str(note) for note in reading.notes)
