"""The part of the memory that says who is to hear of what: incidents, decisions, silences and the outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from opskit.history import deciding, flips, incidents, outbox, silences
from opskit.history.incident import Ack, Decided, Incident, NewNotice, Said, Silence, StoredNotice
from opskit.history.records import StoredFlip
from opskit.history.sqlite_file import SqliteFile


class SqliteIncidents(SqliteFile):
    """These methods of a Store; see there for what they do."""

    def incidents(self, since: float, until: float) -> list[Incident]:
        """Return the incidents that lasted into a span."""
        with self._reading() as db:
            return incidents.between(db, since, until)

    def incident(self, number: int) -> Incident | None:
        """Return one incident."""
        with self._reading() as db:
            return incidents.one(db, number)

    def incident_flips(self, number: int) -> list[StoredFlip]:
        """Return the flips of an incident."""
        with self._reading() as db:
            return flips.of_incident(db, number)

    def unsettled(self) -> list[Incident]:
        """Return the incidents about which something is left to decide."""
        with self._reading() as db:
            return incidents.unsettled(db)

    def take(self, incident: Incident, now: float, lease_s: float) -> bool:
        """Take an incident for a decision that takes its time."""
        with self._writing() as db:
            return deciding.claim(db, incident.id, incident.version, now, lease_s)

    def decide(
        self,
        incident: Incident,
        decision: Decided,
        said: Said,
        notice: NewNotice | None = None,
        channels: Sequence[str] = (),
    ) -> bool:
        """Write a decision and the notice that it leads to in one transaction."""
        with self._writing() as db:
            return deciding.decided(db, incident, decision, said, notice, channels)

    def decide_all(
        self,
        incidents_: Sequence[tuple[Incident, Said]],
        decision: Decided,
        notice: NewNotice,
        channels: Sequence[str],
    ) -> bool:
        """Write one notice about several incidents in one transaction."""
        with self._writing() as db:
            if not deciding.all_as_read(db, [incident for incident, _ in incidents_]):
                return False
            for incident, said in incidents_:
                deciding.decided(db, incident, decision, said, None, ())
            outbox.add(db, None, notice, decision.at, channels)
            return True

    def decisions(self, number: int) -> list[Decided]:
        """Return the decisions about an incident."""
        with self._reading() as db:
            return deciding.decisions(db, number)

    def held(self, since: float, until: float) -> list[Decided]:
        """Return the decisions of a span not to tell something."""
        with self._reading() as db:
            return deciding.held(db, since, until)

    def diagnosed(self, number: int, triage: int) -> None:
        """Note which diagnosis was made of an incident."""
        with self._writing() as db:
            deciding.diagnosed(db, number, triage)

    def acknowledge(self, number: int, ack: Ack | None) -> bool:
        """Note that somebody knows of an incident, or no longer does."""
        with self._writing() as db:
            return deciding.acknowledge(db, number, ack)

    def retire(self, checks: Collection[str], now: float) -> None:
        """Let incidents no longer wait for these checks."""
        with self._writing() as db:
            incidents.retire(db, checks, now)

    def silence(self, silence: Silence) -> int:
        """Keep a silence and return its number."""
        with self._writing() as db:
            return silences.add(db, silence)

    def end_silence(self, number: int, now: float) -> bool:
        """End a silence."""
        with self._writing() as db:
            return silences.end(db, number, now)

    def silences(self, since: float) -> list[Silence]:
        """Return the silences that end after `since`."""
        with self._reading() as db:
            return silences.since(db, since)

    def notices(self, since: float, until: float) -> list[StoredNotice]:
        """Return the notices of a span."""
        with self._reading() as db:
            return outbox.between(db, since, until)

    def incident_notices(self, number: int) -> list[StoredNotice]:
        """Return the notices of one incident."""
        with self._reading() as db:
            return outbox.of_incident(db, number)

    def due(self, now: float, limit: int = 50) -> list[StoredNotice]:
        """Return open deliveries that are due."""
        with self._reading() as db:
            return outbox.due(db, now, limit)

    def waiting(self) -> int:
        """Return how many deliveries are open."""
        with self._reading() as db:
            return outbox.waiting(db)

    def claim(self, notice: StoredNotice, now: float, lease_s: float) -> bool:
        """Take a delivery."""
        with self._writing() as db:
            return outbox.claim(db, notice.id, notice.channel, now, lease_s)

    def mark_sent(
        self, notice: StoredNotice, now: float, remark: str = "", left: Sequence[str] = (), retry_at: float = 0.0
    ) -> None:
        """Close a delivery as sent, and open one for each recipient who was left out."""
        with self._writing() as db:
            outbox.mark_sent(db, notice.id, notice.channel, now, remark)
            outbox.leave(db, notice.id, notice.channel, left, retry_at)

    def mark_dropped(self, notice: StoredNotice, now: float, reason: str, error: str = "") -> None:
        """Close a delivery as given up."""
        with self._writing() as db:
            outbox.mark_dropped(db, notice.id, notice.channel, now, reason, error)

    def release(self, notice: StoredNotice, now: float, error: str, retry_at: float) -> None:
        """Give a delivery back after a failure."""
        with self._writing() as db:
            outbox.release(db, notice.id, notice.channel, now, error, retry_at)
