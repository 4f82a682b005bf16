"""The day as text: at a glance first, the worst before the rest, then the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.span import span
from opskit.report.alerts_text import REASONS
from opskit.report.day import Certificate, Curve, Day, DayIncident

_MOST_AT_A_GLANCE = 4


def daily_text(day: Day, reader: Reader) -> str:
    """Return the report, without a final line end."""
    lines = [reader.read(title(day)), *glance(day, reader)]
    lines += _block(say("Incidents"), [row for each in day.incidents for row in _whole(each, day, reader)], reader)
    lines += _block(say("Gateway"), list(_traffic(day, reader)), reader)
    lines += _block(say("Numbers"), [_curve(each, reader) for each in day.curves if each.points], reader)
    lines += _block(say("Certificates"), [certificate_line(each, reader) for each in day.certificates], reader)
    lines += _block(say("Changes of state"), [_flip(day, number, reader) for number in range(len(day.flips))], reader)
    lines += _block(say("Checks"), _runs(day, reader), reader)
    lines += _block(say("Notices"), notices_lines(day, reader), reader)
    changes = [f"{reader.stamp(each.at)}  {printable(each.path)}" for each in day.changes]
    lines += _block(say("Changed in the configuration"), changes, reader)
    lines += _block(say("Latest findings"), [reader.read(note) for note in day.notes], reader)
    return "\n".join(lines)


def title(day: Day) -> Message:
    """The first line."""
    return say("opskit, {host}, {day}", host=day.host, day=day.day.isoformat())


def glance(day: Day, reader: Reader) -> list[str]:
    """What must be known, in less than ten lines: the worst first."""
    if not day.runs:
        return [reader.read(say("UNKNOWN: no check ran on this day"))]
    if day.quiet:
        return [reader.read(say("All quiet: {ran} runs of {planned} planned, all OK", ran=day.ran, planned=day.due))]
    text = say(
        "Worst state {state}; {ran} runs of {planned} planned", state=day.status.name, ran=day.ran, planned=day.due
    )
    lines = [reader.read(text)]
    ranked = sorted(day.incidents, key=lambda each: (-each.status.severity, each.opened_at))
    lines += [f"  {_incident(each, day, reader)}" for each in ranked[:_MOST_AT_A_GLANCE]]
    if len(ranked) > _MOST_AT_A_GLANCE:
        lines.append("  " + reader.read(say("and {count} more", count=len(ranked) - _MOST_AT_A_GLANCE)))
    if day.missed:
        listed = ", ".join(f"{check} {count}" for check, count in sorted(day.missed.items()))
        lines.append("  " + reader.read(say("runs that are missing: {listed}", listed=listed)))
    if day.unwell:
        listed = ", ".join(f"{check} {status.name}" for check, status in day.unwell)
        lines.append("  " + reader.read(say("not well at the end: {listed}", listed=listed)))
    if day.notices.waiting or day.notices.given_up:
        lines.append("  " + reader.read(_undelivered(day)))
    return lines


def _undelivered(day: Day) -> Message:
    return say(
        "notices that nobody has got: {waiting} wait, {given_up} were given up",
        waiting=day.notices.waiting,
        given_up=day.notices.given_up,
    )


def _block(head: Message, lines: Sequence[str], reader: Reader) -> list[str]:
    return ["", reader.read(head), *(f"  {line}" for line in lines)] if lines else []


def _incident(each: DayIncident, day: Day, reader: Reader) -> str:
    return f"{each.status.name}  {when(each, day, reader)}  {printable(each.summary)}{cause(each, reader)}"


def _whole(each: DayIncident, day: Day, reader: Reader) -> Iterator[str]:
    yield f"{each.id}  {_incident(each, day, reader)}"
    text = say("checks: {checks}; notices: {n}", checks=", ".join(each.checks), n=each.notices)
    yield f"{' ' * len(str(each.id))}  {reader.read(text)}"


def when(each: DayIncident, day: Day, reader: Reader) -> str:
    """When an incident was, and how long it lasted."""
    begin = _clock(each.opened_at, day, reader)
    if each.closed_at is None:
        return reader.read(say("since {begin}, not over", begin=begin))
    lasted = reader.read(span(each.closed_at - each.opened_at))
    return f"{begin}-{_clock(each.closed_at, day, reader)} ({lasted})"


def _clock(at: float, day: Day, reader: Reader) -> str:
    """The time of day, with the date where it is another day's."""
    inside = day.since <= at < day.until
    return f"{reader.time(at):%H:%M}" if inside else f"{reader.time(at):%m-%d %H:%M}"


def cause(each: DayIncident, reader: Reader) -> str:
    """What triage named, behind the summary."""
    if each.code is None:
        return ""
    return f": {each.code} {reader.read(each.cause)}" if each.cause else f": {each.code}"


def _traffic(day: Day, reader: Reader) -> Iterator[str]:
    traffic = day.traffic
    if traffic is None:
        return
    total = say("{n} requests{change}", n=traffic.requests, change=against(traffic.requests, traffic.usual, reader))
    yield reader.read(total)
    for each in traffic.counts:
        yield f"{each.status}  {each.count}{against(each.count, each.usual, reader)}"
        yield from (f"     {count}  {printable(who, 120)}" for who, count in each.top)
    yield from (reader.read(remark) for remark in traffic.remarks)


def against(count: int, usual: float | None, reader: Reader) -> str:
    """How a count stands against an average day of the week before."""
    if usual is None:
        return ""
    if usual <= 0:
        return reader.read(say(" (none on other days)")) if count else ""
    return reader.read(say(" ({usual} on other days, {change} %)", usual=f"{usual:.0f}", change=_change(count, usual)))


def _change(count: float, usual: float) -> str:
    return f"{round((count - usual) / usual * 100):+d}"


def curve_line(curve: Curve, reader: Reader) -> str:
    """The numbers of a series, without its name."""
    unit, high = curve.unit, max(value for _, value in curve.points)
    text = say(
        "mean {mean}{unit}, highest {high}{unit}, {n} values",
        mean=f"{curve.mean:.2f}",
        high=f"{high:.2f}",
        unit=unit,
        n=len(curve.points),
    )
    change = curve.change_pct
    if change is not None:
        usual = f"{curve.mean_before:.2f}"
        before = say("7-day mean {usual}{unit}, {change} %", usual=usual, unit=unit, change=f"{change:+.1f}")
        text = say("{one}; {two}", one=text, two=before)
    if curve.band is not None:
        low, most = curve.band
        band = say("9 of 10 between {low} and {high}{unit}", low=f"{low:.2f}", high=f"{most:.2f}", unit=unit)
        text = say("{one}, {two}", one=text, two=band)
    return reader.read(text)


def _curve(curve: Curve, reader: Reader) -> str:
    return reader.read(say("{name}: {numbers}", name=curve.name, numbers=curve_line(curve, reader)))


def certificate_line(each: Certificate, reader: Reader) -> str:
    """A certificate with its time."""
    days = f"{each.days_left:.0f}"
    if each.days_left < 0:
        return reader.read(say("{name}: expired {n} days ago", name=each.name, n=days.lstrip("-")))
    return reader.read(say("{name}: {n} days left", name=each.name, n=days))


def _flip(day: Day, number: int, reader: Reader) -> str:
    flip = day.flips[number]
    before = flip.before.name if flip.before else "-"
    return f"{reader.time(flip.at):%H:%M:%S}  {flip.check}  {before} -> {flip.after.name}  {printable(flip.summary)}"


def _runs(day: Day, reader: Reader) -> list[str]:
    rows = run_rows(day, reader)
    return [f"{check}: {planned}" + (f": {counts}" if counts else "") for check, planned, counts in rows]


def run_rows(day: Day, reader: Reader) -> Iterator[tuple[str, str, str]]:
    """Yield for each check its id, how many runs of how many, and what they came to."""
    by_check = {runs.check: runs for runs in day.runs}
    for check in sorted({*by_check, *(check for check, planned in day.planned.items() if planned)}):
        runs = by_check.get(check)
        ran = sum(runs.counts.values()) if runs else 0
        counts = ", ".join(f"{count} {status.name}" for status, count in runs.counts.items() if count) if runs else ""
        planned = say("{ran} of {planned} runs", ran=ran, planned=day.planned.get(check, ran))
        yield check, reader.read(planned), counts


def notices_lines(day: Day, reader: Reader) -> list[str]:
    """What was sent, what was not, and why."""
    found = day.notices
    if not (found.sent or found.waiting or found.given_up or found.held):
        return []
    text = say(
        "{sent} sent, {waiting} wait, {given_up} given up",
        sent=found.sent,
        waiting=found.waiting,
        given_up=found.given_up,
    )
    held = [
        say("{n} times not told: {why}", n=count, why=REASONS.get(reason) or say("{word}", word=reason))
        for reason, count in sorted(found.held.items())
    ]
    return [reader.read(each) for each in (text, *held)]
