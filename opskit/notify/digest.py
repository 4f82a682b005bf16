"""Many incidents in one notice: what the limit of notices an hour has kept back is told together."""

from __future__ import annotations

from collections.abc import Sequence

from opskit.history.incident import Incident
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.status import Status, worst
from opskit.notify.channel import Content

_MOST = 100


def digest(incidents: Sequence[Incident], host: str, now: float, reader: Reader) -> Content:
    """Return the notice, worst first."""
    ranked = sorted(incidents, key=lambda one: (-_state(one).severity, one.id))
    title = say("Notices that were held back, because there were too many: {n}", n=len(ranked))
    lines = [reader.read(title), "", *(_line(one, reader) for one in ranked[:_MOST])]
    if len(ranked) > _MOST:
        lines.append(reader.read(say("  and {count} more", count=len(ranked) - _MOST)))
    more = say("All of them: opskit alerts list; why so: opskit alerts explain ID")
    lines += ["", reader.read(say("Host: {host}", host=host)), reader.read(more)]
    facts = {
        "kind": "digest",
        "host": host,
        "status": worst(map(_state, ranked)).value,
        "at": now,
        "incidents": [
            {"id": one.id, "seed": one.seed, "status": _state(one).value, "opened_at": one.opened_at} for one in ranked
        ],
    }
    subject = reader.read(say("[opskit] {host}: many incidents at once", host=host))
    return Content(host, "", worst(map(_state, ranked)), subject, "\n".join(lines) + "\n", facts)


def _state(incident: Incident) -> Status:
    return Status.OK if incident.closed_at is not None else incident.worst if incident.flaps else incident.status


def _line(incident: Incident, reader: Reader) -> str:
    state, first, since = _state(incident).name, incident.members[0], reader.stamp(incident.opened_at)
    when = say("comes and goes, since {when}", when=since) if incident.flaps else say("since {when}", when=since)
    text = say(
        "  {state} {check}, incident {id}, {when}: {summary}",
        state=state,
        check=first.check,
        id=incident.id,
        when=when,
        summary=first.summary,
    )
    return reader.read(text)
