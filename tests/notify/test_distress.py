"""A history that fails is told after a minute, again with news, hourly, and at its end; never for a hiccup."""

from __future__ import annotations

from datetime import UTC

import pytest

from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict
from opskit.notify.distress import Distress, Word

OK, CRITICAL = Status.OK, Status.CRITICAL
HOUR = 3600.0
FULL = say("The disk that holds the history {path} is full: free some space", path="/var/lib/opskit/history.db")
READER = Reader(UTC)


def verdict(check: str, status: Status, what: str = "measured") -> Verdict:
    return Verdict(check, status, (Item(status, say("{what}", what=what)),), 5.0)


@pytest.fixture
def distress() -> Distress:
    found = Distress()
    found.measured(verdict("gpu", OK))
    return found


def words(distress: Distress, since: float, until: float, *, fails: bool = True, works: bool = False) -> list[object]:
    """What is said from second to second, and when."""
    said = []
    for now in range(int(since), int(until), 5):
        if fails:
            distress.tried("tell", FULL, now, 1_800_000_000.0 + now)
        if works:
            distress.tried("tell", None, now, 1_800_000_000.0 + now)
        if (word := distress.word(now, HOUR)) is not None:
            said.append((now, word))
    return said


def test_a_history_that_works_is_not_worth_a_word(distress: Distress):
    assert words(distress, 0, 10_000, fails=False, works=True) == []


def test_a_hiccup_is_not_told(distress: Distress):
    assert words(distress, 0, 55) == []
    assert words(distress, 55, 600, fails=False, works=True) == []
    assert words(distress, 600, 655) == []


def test_failures_far_apart_are_no_failing_history_where_it_worked_between():
    distress = Distress()
    for begin in range(0, 3600, 120):
        distress.tried("tell", FULL, begin, 0.0)
        assert words(distress, begin + 5, begin + 120, fails=False, works=True) == []


def test_one_check_that_cannot_be_recorded_among_others_that_are_is_no_failing_history(distress: Distress):
    for now in range(0, 3600, 30):
        distress.tried("record", FULL if now % 60 else None, now, 0.0)
        distress.tried("tell", None, now, 0.0)
        assert distress.word(now, HOUR) is None


def test_where_nothing_can_be_recorded_it_does_not_help_that_notices_could_be_decided(distress: Distress):
    said = []
    for now in range(0, 600, 5):
        distress.tried("tell", None, now, 0.0)
        if now % 60 == 0:
            distress.tried("record", FULL if now < 300 else None, now, 0.0)
        said.append((now, distress.word(now, HOUR)))
    assert [one for one in said if one[1] is not None] == [(60, Word.NO_MEMORY), (360, Word.MEMORY_AGAIN)]


def test_a_check_that_was_taken_away_is_not_spoken_of(distress: Distress):
    distress.measured(verdict("gone", CRITICAL))
    distress.watch({"gpu"})
    distress.tried("tell", FULL, 0, 0.0)
    assert "gone" not in distress.content(Word.NO_MEMORY, "chat1", 0, READER).text


def test_it_is_told_after_a_minute_and_hourly_and_at_its_end(distress: Distress):
    assert words(distress, 0, 2.5 * HOUR) == [
        (60, Word.NO_MEMORY),
        (60 + HOUR, Word.NO_MEMORY),
        (60 + 2 * HOUR, Word.NO_MEMORY),
    ]
    assert words(distress, 2.5 * HOUR, 3 * HOUR, fails=False, works=True) == [(2.5 * HOUR + 60, Word.MEMORY_AGAIN)]
    assert words(distress, 3 * HOUR, 3 * HOUR + 65) == [(3 * HOUR + 60, Word.NO_MEMORY)]


def test_that_it_works_for_a_moment_is_not_its_end(distress: Distress):
    assert [word for _, word in words(distress, 0, 100)] == [Word.NO_MEMORY]
    assert words(distress, 100, 130, fails=False, works=True) == []
    assert words(distress, 130, 400) == []


def test_a_check_that_turns_critical_meanwhile_is_news_every_five_minutes_at_most(distress: Distress):
    words(distress, 0, 100)
    distress.measured(verdict("ollama", CRITICAL))
    assert words(distress, 100, 1000) == [(360, Word.NO_MEMORY)]
    distress.measured(verdict("ollama", OK))
    distress.measured(verdict("ollama", CRITICAL))
    assert words(distress, 1000, 2000) == []
    distress.measured(verdict("nginx", CRITICAL))
    assert words(distress, 2000, 2010) == [(2000, Word.NO_MEMORY)]


def test_what_it_says(distress: Distress):
    distress.measured(verdict("disk", CRITICAL, "/var is full\x1b[31m"))
    distress.tried("tell", FULL, 0, 1_800_000_000.0)
    content = distress.content(Word.NO_MEMORY, "chat1", 1_800_000_060.0, READER)
    assert content.subject == "[opskit] chat1: the history cannot be written"
    assert content.status is CRITICAL
    assert content.text.splitlines() == [
        "The disk that holds the history /var/lib/opskit/history.db is full: free some space",
        "",
        "Since 2027-01-15 08:00:00+00:00 no incident is decided and no other notice is sent. The checks go on.",
        "",
        "Not well when it was measured last, not confirmed by a second look:",
        "  CRITICAL disk: /var is full\\x1b[31m",
        "",
        "Host: chat1",
    ]
    assert [one["check"] for one in content.facts["checks"]] == ["disk"]


def test_where_all_is_well_it_says_so(distress: Distress):
    distress.tried("tell", FULL, 0, 1_800_000_000.0)
    text = distress.content(Word.NO_MEMORY, "chat1", 0, READER).text
    assert "Each of them that ran was well when it was measured last: 1" in text
    content = distress.content(Word.MEMORY_AGAIN, "chat1", 0, READER)
    assert (content.status, content.facts["checks"]) == (OK, [])
    assert "was not since 2027-01-15 08:00:00+00:00" in content.text
