"""Whether, and as what, an incident is told now. Pure: every stage looks at the same moment, and the first that has
something to say decides, with a named reason. Who asks also keeps the answer: so each mail, and each mail that did not
come, can be explained.
"""

from __future__ import annotations

from collections.abc import Callable

from opskit.history.incident import Member, Said
from opskit.model.status import Status
from opskit.notify.moment import Decision, Moment, Reason


def decide(moment: Moment) -> Decision:
    """Return what becomes of an incident at a moment."""
    found = next(decision for stage in STAGES if (decision := stage(moment)) is not None)
    # Over the limit nothing is lost: the digest names it.
    if found.action == "send" and moment.told_lately >= moment.policy.per_hour:
        return Decision("hold", Reason.RATE_LIMIT, kept=found.reason)
    return found


def _over(moment: Moment) -> Decision | None:
    """The end is told exactly where the beginning was, whatever is silent by now: somebody waits for it."""
    if moment.incident.closed_at is None:
        return None
    if moment.said.status is None:
        return Decision("end", Reason.NOT_ANNOUNCED)
    gone = any(member.newest is not Status.OK for member in moment.incident.members)
    return Decision("send", Reason.RETIRED if gone else Reason.RECOVERY)


def _too_mild(moment: Moment) -> Decision | None:
    """A warning alone is for the report. After an alarm it is news: the worst is over."""
    incident = moment.incident
    known = moment.said.status is not None or incident.flaps
    counts = incident.worst if known else incident.status
    if counts.severity >= moment.policy.least.severity or (moment.dark and not known):
        return None
    return Decision("hold", Reason.TOLD_ALREADY if incident.worst is Status.UNKNOWN else Reason.ONLY_WARNING)


def _not_knowing(moment: Moment) -> Decision | None:
    """Not knowing is told once it has lasted: nobody may take silence for good news."""
    said_or_worse = moment.said.status is not None or moment.incident.status.severity >= moment.policy.least.severity
    if not moment.dark or said_or_worse or moment.incident.flaps:
        return None
    due = min(member.since for member in moment.dark) + moment.policy.unknown_after
    return Decision("wait", Reason.UNKNOWN_WAIT, due) if _waits(moment.now, due, moment.policy.unknown_after) else None


def _gathering(moment: Moment) -> Decision | None:
    """What one fault brings along comes within moments: it is told together."""
    if moment.said.status is not None or not moment.patient or not moment.bad:
        return None
    worst = moment.incident.status
    began = min(member.since for member in moment.bad if member.hard is worst)
    due = began + moment.policy.group_wait
    return Decision("wait", Reason.GROUP_WAIT, due) if _waits(moment.now, due, moment.policy.group_wait) else None


def _waits(now: float, due: float, length: float) -> bool:
    """Whether a wait of this length is not over. One that is to end much later was begun by a clock that was wrong."""
    return due - 2 * length <= now < due


def _silenced(moment: Moment) -> Decision | None:
    if moment.silenced_until is None:
        return None
    return Decision("hold", Reason.SILENCED, moment.silenced_until)


def _acknowledged(moment: Moment) -> Decision | None:
    """Who knows of it wants no reminders. That it became worse is no reminder."""
    ack = moment.incident.ack
    if ack is None or moment.now >= ack.until or moment.incident.status.severity > ack.status.severity:
        return None
    return Decision("hold", Reason.ACKNOWLEDGED, ack.until)


def _quiet(moment: Moment) -> Decision | None:
    return None if moment.quiet_until is None else Decision("hold", Reason.QUIET_HOURS, moment.quiet_until)


def _flapping(moment: Moment) -> Decision | None:
    """Of what comes and goes a summary an hour is told instead of every change, and its end."""
    said = moment.said
    if not moment.incident.flaps:
        return Decision("send", Reason.STEADY) if said.flapping else None
    if any(member.flapping_since is None and _is_news(member, said) for member in moment.bad):
        return None  # beside what comes and goes something is bad for good
    if not said.flapping:
        return Decision("send", Reason.FLAPPING)
    due = said.at + moment.policy.reminder
    if moment.now >= due:
        return Decision("send", Reason.STILL_FLAPPING)
    return Decision("hold", Reason.FLAPPING, due)


def _first(moment: Moment) -> Decision | None:
    if moment.said.status is not None:
        return None
    if not moment.bad:
        return Decision("hold", Reason.NOT_ANNOUNCED)
    mild = moment.incident.status.severity < moment.policy.least.severity
    return Decision("send", Reason.NOT_KNOWING if moment.dark and mild else Reason.PROBLEM)


def _changed(moment: Moment) -> Decision | None:
    """What is worse is told at once; what came along, and that it eased, a few minutes after what was said last."""
    said, now = moment.said, moment.incident.status
    if said.status is None:
        return None
    if now.severity > said.status.severity:
        return Decision("send", Reason.WORSE)
    if now.severity < said.status.severity and now is not Status.OK:
        reason = Reason.EASED
    elif any(_is_news(member, said) for member in moment.bad):
        reason = Reason.MORE
    else:
        return None
    due = said.at + moment.policy.group_interval
    if moment.patient and moment.now < due:
        return Decision("wait", Reason.GROUP_INTERVAL, due)
    return Decision("send", reason)


def _is_news(member: Member, said: Said) -> bool:
    """Whether nobody was told of a check's state: it came along, or it came anew after it was well."""
    told = said.status is not None and member.check in said.checks
    return not told or member.since > said.at or member.hard.severity > (said.status or Status.OK).severity


def _hold_over(moment: Moment) -> Decision | None:
    """Whoever held it back hears at the end that it is still so."""
    if moment.hold_ended is None or moment.hold_ended <= moment.said.at or not moment.bad:
        return None
    return Decision("send", Reason.HOLD_OVER)


def _reminder(moment: Moment) -> Decision:
    """Who has not looked since cannot say that it is still so."""
    said, policy = moment.said, moment.policy
    if all(member.at <= said.at for member in moment.bad):
        return Decision("hold", Reason.TOLD_ALREADY)
    status = moment.incident.status
    if status.severity < policy.least.severity:
        return Decision("hold", Reason.ONLY_WARNING if status is Status.WARNING else Reason.TOLD_ALREADY)
    due = said.at + min(policy.reminder * 2 ** min(said.reminders, 20), policy.reminder_most)
    if moment.now >= due:
        return Decision("send", Reason.REMINDER)
    return Decision("wait", Reason.TOLD_ALREADY, due)


STAGES: tuple[Callable[[Moment], Decision | None], ...] = (
    _over,
    _not_knowing,
    _too_mild,
    _gathering,
    _silenced,
    _acknowledged,
    _quiet,
    _flapping,
    _first,
    _changed,
    _hold_over,
    _reminder,
)
"""Asked in this order."""


def said_after(moment: Moment, decision: Decision) -> Said:
    """Return what has been said once a decision to send was carried out, or what it kept was told in a digest."""
    said, incident, reason = moment.said, moment.incident, decision.kept or decision.reason
    status = incident.worst if incident.flaps else incident.status
    return Said(
        status=said.status if status is Status.OK else status,
        checks=tuple(member.check for member in moment.bad),
        at=moment.now,
        count=said.count + 1,
        reminders=said.reminders + 1 if reason in (Reason.REMINDER, Reason.STILL_FLAPPING) else 0,
        flapping=incident.flaps and (said.flapping or reason is Reason.FLAPPING),
    )
