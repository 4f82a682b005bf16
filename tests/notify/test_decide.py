"""What is told, what waits and what is not told, each with its reason."""

from __future__ import annotations

import msgspec
import pytest

from opskit.history.incident import Ack, Incident, Member, Said
from opskit.model.status import Status
from opskit.notify.decide import decide, said_after
from opskit.notify.moment import Decision, Moment, Policy, Reason

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
NOTHING = Said()
T = 1_790_000_000.0
HOUR = 3600.0


def member(
    hard: Status = CRITICAL, name: str = "ollama", since: float = T, worst: Status | None = None, flapping: bool = False
) -> Member:
    times = (since, since, since + 9e8, since + 9e9, T if flapping else None)
    return Member(name, hard, worst or hard, *times, name, (), hard)


def moment(after: float, *members: Member, said: Said = NOTHING, closed: float | None = None, **more: object) -> Moment:
    """An incident that opened at T, so many seconds later."""
    ack = more.pop("ack", None)
    incident = Incident(1, "seed", T, closed, False, 0, said, members or (member(),), ack=ack)
    return Moment(incident, T + after, more.pop("policy", Policy()), **more)


def told(status: Status = CRITICAL, after: float = 30.0, *checks: str, **more: object) -> Said:
    """What was said so many seconds after T."""
    return Said(status, checks or ("ollama",), T + after, 1, **more)


def decided(what: Moment) -> tuple[str, str, float | None]:
    found = decide(what)
    return found.action, found.reason.value, None if found.until is None else found.until - T


def test_a_new_problem_waits_a_moment_for_its_group_and_is_told():
    assert decided(moment(0)) == ("wait", "group-wait", 30.0)
    assert decided(moment(29.9)) == ("wait", "group-wait", 30.0)
    assert decided(moment(30)) == ("send", "problem", None)


def test_the_wait_is_counted_from_when_it_became_that_bad():
    later = member(CRITICAL, since=T + 5000)
    assert decided(moment(5010, later)) == ("wait", "group-wait", 5030.0)
    # the second member of a group does not make the first one wait again
    assert decided(moment(40, member(), member(name="nginx", since=T + 25))) == ("send", "problem", None)


def test_nobody_waits_who_comes_by_seldom():
    assert decided(moment(0, patient=False)) == ("send", "problem", None)


def test_a_beginning_in_the_future_was_seen_by_a_wrong_clock():
    assert decided(moment(-1000)) == ("send", "problem", None)


def test_what_is_over_before_it_is_told_is_never_told():
    over = moment(20, member(OK, worst=CRITICAL), closed=T + 20)
    assert decided(over) == ("end", "not-announced", None)


def test_the_end_is_told_exactly_where_the_beginning_was_whatever_is_silent_now():
    well = member(OK, worst=CRITICAL)
    for more in ({}, {"silenced_until": T + 9e5}, {"quiet_until": T + 9e5}, {"ack": Ack(T + 9e5, CRITICAL)}):
        assert decided(moment(900, well, said=told(), closed=T + 900, **more)) == ("send", "recovery", None)


@pytest.mark.parametrize(
    ("least", "expected"), [(CRITICAL, ("hold", "only-warning", None)), (WARNING, ("send", "problem", None))]
)
def test_a_warning_is_told_where_that_is_wanted(least: Status, expected: tuple[str, str, None]):
    assert decided(moment(60, member(WARNING), policy=Policy(least))) == expected


def test_an_alarm_that_has_become_a_warning_before_it_was_told_is_a_warning():
    assert decided(moment(60, member(WARNING, worst=CRITICAL))) == ("hold", "only-warning", None)


def test_that_the_worst_is_over_is_told_once_and_not_reminded_of():
    eased = member(WARNING, worst=CRITICAL)
    assert decided(moment(100, eased, said=told())) == ("wait", "group-interval", 330.0)
    assert decided(moment(330, eased, said=told())) == ("send", "eased", None)
    assert decided(moment(9 * HOUR, eased, said=told(WARNING, 330))) == ("hold", "only-warning", None)


def test_worse_is_told_at_once():
    policy = Policy(WARNING)
    assert decided(moment(31, member(CRITICAL), said=told(WARNING), policy=policy)) == ("send", "worse", None)


def test_more_checks_are_told_a_few_minutes_after_the_last_news():
    both = (member(), member(name="nginx", since=T + 60))
    assert decided(moment(61, *both, said=told())) == ("wait", "group-interval", 330.0)
    assert decided(moment(330, *both, said=told())) == ("send", "more", None)
    milder = (member(), member(WARNING, "nginx"))
    assert decided(moment(400, *milder, said=told())) == ("wait", "told-already", 30 + HOUR)


def test_reminders_come_after_an_hour_then_twice_as_long_up_to_a_day():
    said, waits, now = told(), [], 30.0
    while len(waits) < 8:
        found = decide(moment(now, said=said))
        assert (found.action, found.reason) == ("wait", Reason.TOLD_ALREADY)
        assert found.until is not None
        waits.append((found.until - T - now) / HOUR)
        now = found.until - T
        due = moment(now, said=said)
        assert decided(due) == ("send", "reminder", None)
        said = said_after(due, decide(due))
    assert waits == [1, 2, 4, 8, 16, 24, 24, 24]


def test_nobody_is_reminded_of_what_was_not_looked_at_again():
    daily = msgspec.structs.replace(member(), at=T)
    assert decided(moment(30 * HOUR, daily, said=told())) == ("hold", "told-already", None)
    again = msgspec.structs.replace(daily, at=T + 24 * HOUR)
    assert decided(moment(30 * HOUR, again, said=told())) == ("send", "reminder", None)


def test_news_begin_the_reminders_anew():
    said = told(CRITICAL, 30.0, reminders=4)
    worse = moment(400, member(), member(name="nginx"), said=said)
    after = said_after(worse, decide(worse))
    assert (after.reminders, after.checks, after.count) == (0, ("ollama", "nginx"), 2)


def test_not_knowing_is_told_once_when_it_lasts():
    dark = member(UNKNOWN)
    assert decided(moment(60, dark)) == ("wait", "unknown-wait", HOUR)
    assert decided(moment(HOUR, dark)) == ("send", "not-knowing", None)
    assert decided(moment(99 * HOUR, dark, said=told(UNKNOWN))) == ("hold", "told-already", None)
    assert decided(moment(60, dark, member(CRITICAL, "gpu"))) == ("send", "problem", None)


def test_not_knowing_is_told_beside_a_warning_and_after_an_alarm_nobody_was_told_of():
    warm, dark = member(WARNING, "gpu"), member(UNKNOWN)
    assert decided(moment(60, warm, dark)) == ("wait", "unknown-wait", HOUR)
    assert decided(moment(HOUR, warm, dark)) == ("send", "not-knowing", None)
    assert decided(moment(HOUR, member(UNKNOWN, worst=CRITICAL))) == ("send", "not-knowing", None)
    # one that comes back every now and then does not hold up the others
    restless = member(UNKNOWN, "latency", since=T + HOUR - 60)
    assert decided(moment(HOUR, dark, restless)) == ("send", "not-knowing", None)


def test_a_check_that_was_taken_away_is_not_well_again():
    gone = msgspec.structs.replace(member(OK, worst=CRITICAL), newest=CRITICAL)
    assert decided(moment(900, gone, said=told(), closed=T + 900)) == ("send", "retired", None)


def test_what_is_bad_for_good_is_told_beside_what_comes_and_goes():
    busy = member(OK, "gpu", worst=CRITICAL, flapping=True)
    said = told(CRITICAL, 60, "gpu", flapping=True)
    down = member(CRITICAL, "ollama", since=T + 100)
    assert decided(moment(130, busy, down, said=said)) == ("wait", "group-interval", 360.0)
    assert decided(moment(360, busy, down, said=said)) == ("send", "more", None)
    fresh = moment(200, member(OK, "gpu", worst=WARNING, flapping=True), down)
    assert decided(fresh) == ("send", "problem", None)
    assert said_after(fresh, decide(fresh)).flapping is False


def test_what_was_well_for_a_while_is_news_again():
    anew = (member(CRITICAL, "gpu"), member(CRITICAL, "ollama", since=T + 5000))
    said = told(CRITICAL, 30, "gpu", "ollama")
    assert decided(moment(5001, *anew, said=said)) == ("send", "more", None)


def test_what_was_said_in_the_future_holds_nothing_up():
    said = told(CRITICAL, 8 * HOUR)
    assert decided(moment(100, member(), member(name="nginx"), said=said)) == ("send", "more", None)
    eased = member(WARNING, worst=CRITICAL)
    assert decided(moment(100, eased, said=said)) == ("send", "eased", None)


def test_a_silence_holds_until_it_ends_and_then_it_is_told_at_once():
    assert decided(moment(60, silenced_until=T + 500)) == ("hold", "silenced", 500.0)
    assert decided(moment(501, hold_ended=T + 500)) == ("send", "problem", None)
    # it had been told before the silence began
    assert decided(moment(501, said=told(), hold_ended=T + 500)) == ("send", "hold-over", None)
    assert decided(moment(510, said=told(CRITICAL, 501), hold_ended=T + 500)) == ("wait", "told-already", 501 + HOUR)


def test_who_acknowledged_it_hears_only_that_it_gets_worse():
    ack = Ack(T + 4 * HOUR, WARNING)
    policy = Policy(WARNING)
    known = told(WARNING)
    assert decided(moment(2 * HOUR, member(WARNING), said=known, ack=ack, policy=policy)) == (
        "hold",
        "acknowledged",
        4 * HOUR,
    )
    assert decided(moment(2 * HOUR, member(CRITICAL), said=known, ack=ack, policy=policy)) == ("send", "worse", None)
    over = moment(4 * HOUR, member(WARNING), said=known, ack=ack, policy=policy, hold_ended=ack.until)
    assert decided(over) == ("send", "hold-over", None)


def test_quiet_hours_hold_and_then_it_is_told():
    assert decided(moment(60, quiet_until=T + 500)) == ("hold", "quiet-hours", 500.0)
    assert decided(moment(500)) == ("send", "problem", None)


def test_what_comes_and_goes_is_told_once_then_hourly_then_its_end():
    busy = member(OK, worst=CRITICAL, flapping=True)
    first = moment(600, busy, said=told())
    assert decided(first) == ("send", "flapping", None)
    said = said_after(first, decide(first))
    assert (said.flapping, said.status) == (True, CRITICAL)
    assert decided(moment(700, busy, said=said)) == ("hold", "flapping", 600 + HOUR)
    assert decided(moment(700, member(flapping=True), said=said)) == ("hold", "flapping", 600 + HOUR)
    hourly = moment(600 + HOUR, busy, said=said)
    assert decided(hourly) == ("send", "still-flapping", None)
    said = said_after(hourly, decide(hourly))
    ended = moment(8000, member(CRITICAL), said=said)
    assert decided(ended) == ("send", "steady", None)
    assert said_after(ended, decide(ended)).flapping is False
    assert decided(moment(8000, member(OK, worst=CRITICAL), said=said, closed=T + 8000)) == ("send", "recovery", None)


def test_warnings_that_come_and_go_stay_warnings():
    assert decided(moment(600, member(OK, worst=WARNING, flapping=True))) == ("hold", "only-warning", None)


def test_over_the_limit_it_is_left_to_the_digest():
    assert decided(moment(60, told_lately=19)) == ("send", "problem", None)
    assert decided(moment(60, told_lately=20)) == ("hold", "rate-limit", None)
    assert decided(moment(0, told_lately=20)) == ("wait", "group-wait", 30.0)
    over = moment(60, member(OK, worst=CRITICAL), said=told(), closed=T + 60, told_lately=20)
    assert decided(over) == ("hold", "rate-limit", None)


def test_every_reason_to_send_leads_to_another_state_of_what_was_said():
    """Whatever is told must not be told again at the same moment: else a process that asks twice sends twice."""
    well, dark, busy = member(OK, worst=CRITICAL), member(UNKNOWN), member(OK, worst=CRITICAL, flapping=True)
    for what in (
        moment(60),
        moment(HOUR, dark),
        moment(400, member(), member(name="nginx"), said=told()),
        moment(400, member(WARNING, worst=CRITICAL), said=told()),
        moment(600, busy, said=told()),
        moment(9 * HOUR, busy, said=told(flapping=True)),
        moment(600, member(), said=told(flapping=True)),
        moment(9 * HOUR, said=told()),
        moment(501, said=told(), hold_ended=T + 500),
        moment(60, member(), said=told(WARNING, 30)),
    ):
        found = decide(what)
        assert found.action == "send"
        incident = msgspec.structs.replace(what.incident, said=said_after(what, found))
        assert decide(msgspec.structs.replace(what, incident=incident)).action in {"wait", "hold"}, found
    assert decide(moment(900, well, said=told(), closed=T + 900)) == Decision("send", Reason.RECOVERY)
