"""What the evidence of the probe `http` means: why an answer is not healthy, whether its route proves something."""

from __future__ import annotations

from datetime import datetime

from opskit.model.message import Message, say
from opskit.probes.answer import failed
from opskit.probes.catch_all import is_catch_all
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.expectation import unexpected
from opskit.probes.http_evidence import PHASES, Args, Evidenced
from opskit.probes.openclaw import better_route, not_ready, openclaw_note, readiness
from opskit.probes.redirects import misled, redirect_notes

_DAY_S = 86400.0


def out_of_date(asked: Exchange, now: datetime) -> tuple[bool | None, bool | None]:
    """Whether the certificate that users are shown has ended or not begun; over plain HTTP there is none that could."""
    if not asked.url.startswith("https:"):
        return False, False
    dates = _dates(asked)
    return (dates[1] < now, dates[0] > now) if dates else (None, None)


def _dates(asked: Exchange) -> tuple[datetime, datetime] | None:
    if not asked.certificate:
        return None
    from opskit.probes.x509_known import parsed

    shown = parsed(asked.certificate)
    return (shown.not_before, shown.not_after) if shown else None


def reason(found: Evidenced, args: Args, now: datetime) -> Message | None:
    """Say why this is no healthy answer; None where it is one."""
    if found.asked.failure is not None:
        if found.asked.failure.kind == "certificate":
            return _untrusted(found, now)
        from opskit.probes.down_told import down_told

        return down_told(found.asked, found.down, now)
    astray = misled(found.redirects) if found.redirects else None
    if astray is not None:
        return say("{url} {astray}", url=found.asked.url, astray=astray)
    if found.final.failure is not None:
        return failed(found.final)
    wrong = unexpected(found.final, args.expect_status, args.expect_text, found.body, args.expect_json)
    if wrong is None:
        return None
    told = readiness(found.final)
    if told is not None and not told.ready:
        wrong = say("{one}; {more}", one=wrong, more=not_ready(told, found.final.url))
    from opskit.probes.down_told import listener_told

    by = listener_told(found.down)
    return say("{one}; {more}", one=wrong, more=by) if by else wrong


def _untrusted(found: Evidenced, now: datetime) -> Message:
    """The system's word, the dates, and whether anybody answers behind the certificate."""
    text, shown = failed(found.asked), found.untrusted
    if shown is None:
        return text
    dates = _dates(shown)
    if dates is not None:
        text = say("{one}; {more}", one=text, more=_validity(dates, now))
    if shown.failure is None:
        return say("{one}; asked without trust it answers status {status}", one=text, status=shown.status or 0)
    return text


def _validity(dates: tuple[datetime, datetime], now: datetime) -> Message:
    begins, ends = dates
    if ends < now:
        return say("it ended {days} days ago", days=_days((now - ends).total_seconds()))
    if begins > now:
        return say("it begins in {days} days", days=_days((begins - now).total_seconds()))
    return say("by its dates it is good for another {days} days", days=_days((ends - now).total_seconds()))


def _days(seconds: float) -> float:
    return round(seconds / _DAY_S, 1)


def proves_nothing(found: Evidenced, args: Args) -> bool | None:
    """Whether any path gets the answer of the health route; None where there is nothing to compare."""
    final, decoy = found.final, found.decoy
    if decoy is None or found.asked.failure is not None or (final.status or 0) >= 400:
        return None
    if _tells_apart(final, decoy, found, args):
        return False
    return is_catch_all(final, decoy, found.again, found.sizes)


def _tells_apart(final: Exchange, decoy: Exchange, found: Evidenced, args: Args) -> bool:
    """What is expected of the answer may be what the decoy's has not."""
    if (args.expect_text is None and not args.expect_json) or decoy.failure is not None:
        return False
    pairs = ((final, found.body), (decoy, found.decoy_body))
    ours, theirs = (unexpected(answer, None, args.expect_text, body, args.expect_json) for answer, body in pairs)
    return ours is None and theirs is not None


def why_nothing_proved(found: Evidenced) -> Message:
    """Say why it is not known whether the route proves anything."""
    if found.decoy is None:
        return say("no other path was asked")
    if found.decoy.failure is not None:
        return failed(found.decoy)
    return say("an answer that is no healthy one has nothing to prove")


def hints(found: Evidenced) -> dict[str, Message]:
    """Reasons that belong to what the check says of the route, and of OpenClaw's readiness."""
    better, ready = better_route(found.routes), not_ready_yet(found)
    told = {"route_proves_health": better} if better else {}
    return {**told, "ready": ready} if ready else told


def not_ready_yet(found: Evidenced) -> Message | None:
    """What a readiness route says that was asked beside the health route; None where it says that all is ready."""
    for answer in found.routes.values():
        told = readiness(answer)
        if told is not None and not told.ready:
            return not_ready(told, answer.url)
    return None


def is_ready(found: Evidenced) -> bool | None:
    """What the readiness route of OpenClaw says, None where there is none."""
    for answer in (*found.routes.values(), found.final):
        told = readiness(answer)
        if told is not None:
            return told.ready
    return None


def notes(found: Evidenced, args: Args, now: datetime) -> list[Message]:
    """Lines that are worth showing with a good answer too."""
    told = redirect_notes(found.asked.url, found.redirects) if found.redirects else []
    own = openclaw_note(found.final, found.routes)
    told += [own] if own else []
    dates = _dates(found.final) if args.verify and found.final.failure is None else None
    if dates is not None and dates[0] <= now <= dates[1]:
        told.append(
            say("its certificate is good for another {days} days", days=_days((dates[1] - now).total_seconds()))
        )
    if args.target == "clawdbot" and args.gateway_path and found.backend is None:
        told.append(say("Clawdbot's way to the gateway is not checked: {why}", why=_why_no_way(found, args)))
    return told


def _why_no_way(found: Evidenced, args: Args) -> Message:
    if args.config is None:
        return say("stack.clawdbot.config is not set")
    if found.asked.timed_out:
        return say("no time was left")
    return say("the evidence does not hold it")


def phases_line(asked: Exchange) -> str:
    """How long each phase took by itself."""
    parts, before = list[str](), 0.0
    for name in PHASES:
        if name in asked.phases:
            parts.append(f"{name.removesuffix('_s').replace('total', 'rest')} {asked.phases[name] - before:.4f} s")
            before = asked.phases[name]
    return ", ".join(parts)
