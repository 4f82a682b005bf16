"""Does a web front answer, and does its answer prove anything? Clawdbot's health, the doors of Nginx and gateway."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import failed, pack, unpack
from opskit.probes.backend_told import FROM_HERE, PATH, way_told
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.http_evidence import PHASES, Args, Evidenced
from opskit.probes.http_look import Look
from opskit.probes.http_told import (
    hints,
    is_ready,
    notes,
    out_of_date,
    phases_line,
    proves_nothing,
    reason,
    why_nothing_proved,
)
from opskit.probes.page import is_foreign
from opskit.probes.redirects import is_circular


class Facts(msgspec.Struct, frozen=True):
    """`answered`: an HTTP answer came, whatever it says. `ok`: it was the expected one, and not a catch-all page.

    `refused`, `timed_out` and `failure` are of the address that was asked, `status` is that of the answer at the end
    of its redirects. `served` is True for 2xx, a redirect or a log-in (401): what a page that opens answers.
    `foreign_page`: it is another page than the origin's, or the one that a web server shows out of the box; None where
    nothing tells. `certificate_early`: it is not valid yet. `handshaken`: a TLS
    handshake was completed; `circular`: the answer sends its caller to the very address that was asked.
    """

    answered: bool | None = None
    refused: bool | None = None
    timed_out: bool | None = None
    ok: bool | None = None
    served: bool | None = None
    proves_nothing: bool | None = None
    foreign_page: bool | None = None
    status: int | None = None
    first_byte_s: float | None = None
    total_s: float | None = None
    failure: str | None = None
    certificate_expired: bool | None = None
    certificate_early: bool | None = None
    handshaken: bool | None = None
    circular: bool | None = None


class HttpProbe(Probe[Args]):
    """Asks one URL, as a health check would."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"answered", "healthy", "route_proves_health", "ready", PATH, FROM_HERE, *PHASES})

    def defaults(self, settings: Settings) -> Args:
        """Clawdbot's health route, its log, and its way to the gateway where its configuration is known."""
        clawdbot, gateway = settings.stack.clawdbot, settings.stack.gateway
        return Args(
            url=clawdbot.url.rstrip("/") + clawdbot.health_path,
            config=clawdbot.config,
            gateway=gateway.url,
            key_header=gateway.key_header,
            log=clawdbot.log,
        )

    def key(self, args: Args) -> str:
        """`http-clawdbot`: one piece of evidence a target."""
        return f"http-{args.target}"

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask, and ask what the answer makes worth asking."""
        found = Look(args, deadline).done()
        return (pack(f"http-{args.target}.json", found, found.asked.url),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Judge status, text, JSON, redirects and decoy."""
        found = unpack(raws, Evidenced)
        asked, at = found.asked, now.timestamp()
        wrong = reason(found, args, now)
        facts = _facts(found, args, wrong, now)
        samples, way_why, way_notes = way_told(found.backend, args.gateway, at)
        line = Evidence(asked.url, _line(asked), at=at)
        evidence: dict[str, tuple[Evidence, ...]] = dict.fromkeys(as_facts(facts), (line,))
        if asked.status is not None:
            evidence["first_byte_s"] = (line, Evidence(asked.url, phases_line(asked), field="phases", at=at))
        return Reading(
            as_facts(facts),
            evidence,
            {**_why(facts, found, wrong), **way_why},
            (*_samples(facts, found, wrong, at), *samples),
            (*notes(found, args, now), *way_notes),
        )


class NginxHttpProbe(HttpProbe):
    """Knocks at Nginx's own door: any answer proves that it runs. Its certificate is another probe's subject."""

    def defaults(self, settings: Settings) -> Args:
        """The address that users open, as seen from this host."""
        stack = settings.stack
        url, origin = stack.nginx.url, stack.clawdbot.url
        return Args("nginx", url, expect_status=None, decoy=False, verify=False, origin=origin, redirects="none")


class GatewayHttpProbe(HttpProbe):
    """Knocks at the gateway's own door, past Nginx and Clawdbot."""

    def defaults(self, settings: Settings) -> Args:
        """Any answer, even 401 or 404, proves that the gateway serves requests."""
        url = settings.stack.gateway.url.rstrip("/") + "/health"
        return Args("gateway", url, expect_status=None, decoy=False, redirects="none")


def _facts(found: Evidenced, args: Args, wrong: Message | None, now: datetime) -> Facts:
    asked, final = found.asked, found.final
    catch_all = proves_nothing(found, args)
    expired, early = out_of_date(found.untrusted or asked, now)
    status = asked.status if asked.failure is not None or final.status is None else final.status
    return Facts(
        answered=asked.status is not None,
        refused=asked.refused,
        timed_out=asked.timed_out,
        ok=asked.status is not None and wrong is None and not catch_all,
        handshaken="tls_s" in asked.phases,
        circular=is_circular(asked),
        served=status is not None and (200 <= status < 400 or status == 401),
        proves_nothing=catch_all,
        foreign_page=is_foreign(asked, found.origin),
        status=status,
        first_byte_s=asked.phases.get("first_byte_s"),
        total_s=_total(found),
        failure=asked.failure.kind if asked.failure else None,
        certificate_expired=expired,
        certificate_early=early,
    )


def _total(found: Evidenced) -> float | None:
    """The whole time, that of redirects too; None where an answer did not come to its end."""
    parts = [found.asked, *(found.redirects.hops if found.redirects else ())]
    if any(part.failure is not None or "total_s" not in part.phases for part in parts):
        return None
    return round(math.fsum(part.phases["total_s"] for part in parts), 6)


def _samples(facts: Facts, found: Evidenced, wrong: Message | None, at: float) -> list[Sample]:
    samples = [Sample("answered", float(bool(facts.answered)), at=at)]
    if not facts.answered:
        return samples
    samples.append(Sample("healthy", float(wrong is None), at=at))
    told = {"route_proves_health": facts.proves_nothing is not None and not facts.proves_nothing}
    known = {"route_proves_health": facts.proves_nothing is not None}
    ready = is_ready(found)
    told["ready"], known["ready"] = bool(ready), ready is not None
    samples += [Sample(name, float(value), at=at) for name, value in told.items() if known[name]]
    phases = {**found.asked.phases, "total_s": facts.total_s}
    samples += [Sample(name, value, "s", at=at) for name in PHASES if (value := phases.get(name)) is not None]
    return samples


def _why(facts: Facts, found: Evidenced, wrong: Message | None) -> dict[str, Message]:
    """Say what is wrong with the answer, and for each fact that is missing why it is."""
    why = {**hints(found), **({"answered": wrong, "healthy": wrong} if wrong is not None else {})}
    no_answer = failed(found.asked) if found.asked.failure is not None else wrong or failed(found.final)
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        why[name] = no_answer
    if facts.proves_nothing is None and found.asked.failure is None:
        why["proves_nothing"] = why_nothing_proved(found)
    if facts.foreign_page is None and found.asked.failure is None:
        why["foreign_page"] = say("there is nothing to tell one page from another by")
    return why


def _line(asked: Exchange) -> str:
    if asked.failure is not None:
        return f"{asked.failure.kind} at {asked.failure.stage}: {asked.failure.text}"
    return f"HTTP {asked.status} in {asked.phases.get('total_s', 0):.3f} s"
