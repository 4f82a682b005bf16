"""What is told and what is not, each with its reason."""

from __future__ import annotations

import pytest

from opskit.history.records import StoredFlip
from opskit.model.status import Status
from opskit.notify.decide import NEWS_FOR_S, Decision, Reason, decide

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def flip(
    before: Status | None, after: Status, told: Status | None = None, superseded: bool = False, at: float = 0.0
) -> StoredFlip:
    return StoredFlip(1, "s", "t", "check", before, after, at, "summary", told=told, superseded=superseded)


@pytest.mark.parametrize(
    ("before", "after", "told", "send", "reason"),
    [
        (None, OK, None, False, Reason.NOT_ANNOUNCED),
        (None, CRITICAL, None, True, Reason.PROBLEM),
        (OK, CRITICAL, None, True, Reason.PROBLEM),
        (OK, CRITICAL, OK, True, Reason.PROBLEM),
        (UNKNOWN, CRITICAL, CRITICAL, True, Reason.PROBLEM),
        (CRITICAL, OK, CRITICAL, True, Reason.RECOVERY),
        (UNKNOWN, OK, CRITICAL, True, Reason.RECOVERY),
        (WARNING, OK, WARNING, True, Reason.RECOVERY),
        (WARNING, OK, None, False, Reason.NOT_ANNOUNCED),
        (WARNING, OK, OK, False, Reason.NOT_ANNOUNCED),
        (CRITICAL, WARNING, CRITICAL, True, Reason.EASED),
        (UNKNOWN, WARNING, CRITICAL, True, Reason.EASED),
        (UNKNOWN, WARNING, WARNING, False, Reason.ALREADY_EASED),
        (OK, WARNING, None, False, Reason.ONLY_WARNING),
        (OK, WARNING, OK, False, Reason.ONLY_WARNING),
        (CRITICAL, UNKNOWN, CRITICAL, False, Reason.NOT_KNOWING),
        (OK, UNKNOWN, None, False, Reason.NOT_KNOWING),
    ],
)
def test_the_policy(before: Status | None, after: Status, told: Status | None, send: bool, reason: Reason):
    assert decide(flip(before, after, told), 1.0) == Decision(send, reason)


def test_what_is_long_over_is_left_to_the_report():
    old = flip(OK, CRITICAL, superseded=True)
    assert decide(old, NEWS_FOR_S) == Decision(True, Reason.PROBLEM)
    assert decide(old, NEWS_FOR_S + 1) == Decision(False, Reason.OVERTAKEN)


def test_what_still_holds_is_told_however_late():
    assert decide(flip(OK, CRITICAL), 30 * NEWS_FOR_S) == Decision(True, Reason.PROBLEM)
