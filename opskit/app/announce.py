"""Decides about every incident that is not settled, and puts what is to be told into the outbox.

Nothing here sends anything. The decision, what has been said by it, and the notice are written in one transaction, and
only if nobody else has decided about the incident meanwhile.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.history.codec import packed
from opskit.history.incident import Decided, Incident, Member, NewNotice, Silence, StoredNotice
from opskit.history.store import HistoryError, Store
from opskit.judge.dependence import depends
from opskit.model.settings import NotifySettings
from opskit.model.status import Status
from opskit.notify.calendar import ends_at
from opskit.notify.channel import Content
from opskit.notify.decide import decide, said_after
from opskit.notify.digest import digest
from opskit.notify.moment import Decision, Moment, Policy, Reason
from opskit.notify.wording import Story, worded

log = logging.getLogger("opskit")
_LEASE_S = 120.0  # longer than any playbook may take
_HOUR_S, _WEEK_S = 3600.0, 7 * 86_400.0
_DIGEST_S = 600.0
DIGEST = "digest"


class Announcer:
    """One look, at `moment`, at all that is to be decided. Every method raises HistoryError.

    `patient`: somebody looks again within moments, so that a group may be waited for.
    """

    def __init__(self, context: Context, store: Store, moment: datetime, *, patient: bool) -> None:
        self._context = context
        self._store = store
        self._patient = patient
        self._now = moment
        self._at = moment.timestamp()
        self._notify = context.settings.notify
        self._channels = tuple(self._notify.channels)
        self._silences: Sequence[Silence] = ()
        self._lately = 0

    def announce(self, written: Callable[[], None] = lambda: None) -> None:
        """Decide about every incident that is not settled; `written` is called after each notice."""
        incidents = self._store.unsettled()
        if not incidents:
            return
        recent = self._look()
        limited = []
        for incident in incidents:
            moment = self.moment(incident)
            decision = decide(moment)
            self._carry_out(moment, decision)
            if decision.action == "send":
                written()
            if decision.reason is Reason.RATE_LIMIT:
                limited.append(moment)
        if limited and not any(one.kind == DIGEST and one.at > self._at - _DIGEST_S for one in recent):
            self._digest(limited)

    def decision(self, incident: Incident) -> Decided:
        """Return what would be decided about an incident now, and change nothing."""
        self._look()
        found = decide(self.moment(incident))
        return Decided(self._at, found.action, found.reason.value, found.until)

    def _look(self) -> list[StoredNotice]:
        """See what bears upon all incidents; return the notices of the last hour."""
        self._silences = self._store.silences(self._at - _WEEK_S)
        recent = self._store.notices(self._at - _HOUR_S, self._at + 1)
        self._lately = len({notice.id for notice in recent if notice.incident is not None})
        return recent

    def moment(self, incident: Incident) -> Moment:
        """Return an incident with what bears upon it now."""
        until, ended = self._silenced(incident)
        status = incident.worst if incident.flaps else incident.status
        hours = self._notify.quiet_hours.get(status.value)
        if incident.ack is not None and incident.ack.until <= self._at:
            ended = max(ended or 0.0, incident.ack.until)
        return Moment(
            incident,
            self._at,
            policy_of(self._notify),
            silenced_until=until,
            quiet_until=ends_at(self._now, hours) if hours else None,
            hold_ended=ended,
            told_lately=self._lately,
            patient=self._patient,
        )

    def _silenced(self, incident: Incident) -> tuple[float | None, float | None]:
        """Return until when all bad checks are silent, and when a silence of one of them ended last."""
        status = incident.worst if incident.flaps else incident.status
        least = min(Status(self._notify.least).severity, status.severity)
        bad = [member.check for member in incident.members if _counts(member, least)]
        if not bad:
            return None, None
        ends = [self._silent_until(check) for check in bad]
        over = [one.until for one in self._silences if one.until <= self._at and any(map(one.covers, bad))]
        return min(end for end in ends if end) if all(ends) else None, max(over, default=None)

    def _silent_until(self, check: str) -> float | None:
        until = [one.until for one in self._silences if one.since <= self._at < one.until and one.covers(check)]
        until += [
            ends_at(self._now, downtime.hours, downtime.days) or 0.0
            for downtime in self._notify.downtimes
            if any(fnmatchcase(check, pattern) for pattern in downtime.checks)
        ]
        return max(until, default=0.0) or None

    def _carry_out(self, moment: Moment, decision: Decision) -> None:
        incident = moment.incident
        decided = Decided(self._at, decision.action, decision.reason.value, decision.until)
        if decision.action == "send" and self._channels:
            self._send(moment, decision, decided)
        elif decision.action == "end" or (incident.closed_at is not None and not self._channels):
            self._store.decide(incident, Decided(self._at, "end", decision.reason.value), incident.said)
        elif self._channels and not _same(incident.last, decided):
            self._store.decide(incident, decided, incident.said)

    def _send(self, moment: Moment, decision: Decision, decided: Decided) -> None:
        incident = moment.incident
        if not self._store.take(incident, self._at, _LEASE_S):
            return
        checks = self._context.checks()
        story = Story(incident, decision.reason, self._at, platform.node(), depends(checks.values()))
        notice = NewNotice(decision.reason.value, packed(self._content(story)))
        if self._store.decide(incident, decided, said_after(moment, decision), notice, self._channels):
            self._lately += 1

    def _content(self, story: Story) -> Content:
        """Return the notice with what adorns it: diagnosis and page, if these can be made."""
        # Diagnosing and drawing are a program of their own, loaded by the first that there is to tell.
        from opskit.app.diagnose import diagnosed
        from opskit.app.notice_page import with_page

        try:
            told = diagnosed(self._context, self._store, story)
            return with_page(self._context, self._store, worded(told, self._context.reader), self._at)
        except HistoryError:
            raise
        except Exception:
            # Whatever a probe, a playbook or a drawing may do wrong: it must not keep an alert back.
            log.exception("a notice goes out without diagnosis and page")
            return worded(story, self._context.reader)

    def _digest(self, moments: list[Moment]) -> None:
        """Tell in one notice what the limit has kept back; then it counts as told.

        They are read anew: while the others were told, some may have ended, and somebody may have decided.
        """
        again = [self._store.incident(moment.incident.id) for moment in moments]
        fresh = [self.moment(incident) for incident in again if incident is not None and not incident.settled]
        decisions = [(moment, decide(moment)) for moment in fresh]
        told = [(one.incident, said_after(one, kept)) for one, kept in decisions if kept.reason is Reason.RATE_LIMIT]
        if not told:
            return
        content = digest([incident for incident, _ in told], platform.node(), self._at, self._context.reader)
        notice = NewNotice(DIGEST, packed(content))
        self._store.decide_all(told, Decided(self._at, "send", DIGEST), notice, self._channels)


def decision_now(context: Context, store: Store, incident: Incident) -> Decided:
    """Return what would be decided about an incident now. Raises HistoryError."""
    return Announcer(context, store, now(), patient=True).decision(incident)


def _counts(member: Member, least: int) -> bool:
    """Whether a member is one of those that a notice would be about."""
    flapped = member.flapping_since is not None and member.worst.severity >= least
    return flapped or (member.hard is not Status.OK and member.hard.severity >= least)


def policy_of(settings: NotifySettings) -> Policy:
    """Return the settings as the decisions take them."""
    return Policy(
        Status(settings.least),
        settings.group_wait,
        settings.group_interval,
        settings.reminder,
        settings.reminder_most,
        settings.unknown_after,
        settings.per_hour,
    )


def _same(before: Decided | None, after: Decided) -> bool:
    return before is not None and (before.action, before.reason, before.until) == (
        after.action,
        after.reason,
        after.until,
    )
