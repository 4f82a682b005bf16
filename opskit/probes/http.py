"""Does a web front answer, and does its answer prove anything? Clawdbot's health, the doors of Nginx and gateway."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import failed, pack, unpack
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.exchange import Exchange, Target, exchange
from opskit.probes.page import is_foreign

_KEPT = 4096
_HEADERS = {"content-type", "server", "location"}
PHASES = ("dns_s", "connect_s", "tls_s", "first_byte_s", "total_s")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`decoy` also asks for a path that cannot exist: if it gets the same answer, the health route proves nothing.

    `origin` is where the page behind a proxy comes from: asked as well, it tells whether users are shown that page.
    """

    target: Literal["clawdbot", "gateway", "nginx"] = "clawdbot"
    url: str = ""
    expect_status: int | None = 200
    expect_text: str | None = None
    decoy: bool = True
    verify: bool = True
    origin: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """`answered`: an HTTP answer came, whatever it says. `ok`: it was the expected one, and not a catch-all page.

    `served` is True for 2xx, a redirect or a log-in (401): what a page that opens answers. `foreign_page`: it is
    another page than the origin's, or the one that a web server shows out of the box; None where nothing tells.
    `certificate_early`: it is not valid yet.
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


class Evidenced(msgspec.Struct, frozen=True):
    """The evidence of this probe: the exchange, the one with the decoy path, and the one with the page's origin."""

    asked: Exchange
    decoy: Exchange | None = None
    origin: Exchange | None = None


class HttpProbe(Probe[Args]):
    """Asks one URL, as a health check would."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"answered", "healthy", "route_proves_health", *PHASES})

    def defaults(self, settings: Settings) -> Args:
        """Clawdbot's health route."""
        clawdbot = settings.stack.clawdbot
        return Args(url=clawdbot.url.rstrip("/") + clawdbot.health_path)

    def key(self, args: Args) -> str:
        """`http-clawdbot`: one piece of evidence a target."""
        return f"http-{args.target}"

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask, and ask the decoy path where the first answer came."""
        asked = exchange(Target(args.url, verify=args.verify), deadline)
        decoy = None
        if args.decoy and asked.failure is None and deadline.left:
            decoy = exchange(Target(_decoy_url(args.url), verify=args.verify), deadline)
        origin = None
        if args.origin is not None and asked.failure is None and deadline.left:
            origin = exchange(Target(args.origin, verify=args.verify), deadline)
        wanted = args.expect_text or ""
        found = Evidenced(
            _trimmed(asked, wanted), decoy and _trimmed(decoy, wanted), origin and _trimmed(origin, wanted)
        )
        return (pack(f"http-{args.target}.json", found, asked.url),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Judge status, text and decoy."""
        found = unpack(raws, Evidenced)
        asked, at = found.asked, now.timestamp()
        catch_all = _catch_all(asked, found.decoy)
        expired, early = _out_of_date(asked, now)
        reason = _unexpected(asked, args)
        answered = asked.status is not None
        facts = Facts(
            answered=answered,
            refused=asked.refused,
            timed_out=asked.timed_out,
            ok=answered and reason is None and not catch_all,
            served=asked.status is not None and (200 <= asked.status < 400 or asked.status == 401),
            proves_nothing=catch_all,
            foreign_page=is_foreign(asked, found.origin),
            status=asked.status,
            first_byte_s=asked.phases.get("first_byte_s"),
            total_s=asked.phases.get("total_s") if asked.failure is None else None,
            failure=asked.failure.kind if asked.failure else None,
            certificate_expired=expired,
            certificate_early=early,
        )
        samples = [Sample("answered", float(answered), at=at)]
        if answered:
            samples.append(Sample("healthy", float(reason is None), at=at))
        if catch_all is not None:
            samples.append(Sample("route_proves_health", float(not catch_all), at=at))
        samples += [
            Sample(name, asked.phases[name], "s", at=at)
            for name in PHASES
            if name in asked.phases and answered and (name != "total_s" or asked.failure is None)
        ]
        line = Evidence(asked.url, _line(asked), at=at)
        why = _why(facts, found, reason)
        return Reading(as_facts(facts), dict.fromkeys(as_facts(facts), (line,)), why, tuple(samples))


class NginxHttpProbe(HttpProbe):
    """Knocks at Nginx's own door: any answer proves that it runs. Its certificate is another probe's subject."""

    def defaults(self, settings: Settings) -> Args:
        """The address that users open, as seen from this host."""
        stack = settings.stack
        return Args("nginx", stack.nginx.url, expect_status=None, decoy=False, verify=False, origin=stack.clawdbot.url)


class GatewayHttpProbe(HttpProbe):
    """Knocks at the gateway's own door, past Nginx and Clawdbot."""

    def defaults(self, settings: Settings) -> Args:
        """Any answer, even 401 or 404, proves that the gateway serves requests."""
        url = settings.stack.gateway.url.rstrip("/") + "/health"
        return Args("gateway", url, expect_status=None, decoy=False)


def _why(facts: Facts, found: Evidenced, reason: Message | None) -> dict[str, Message]:
    """Say what is wrong with the answer, and for each fact that is missing why it is."""
    why = {name: reason for name in ("answered", "healthy") if reason is not None}
    no_answer = failed(found.asked)
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        why[name] = no_answer
    if facts.proves_nothing is None and found.asked.failure is None:
        why["proves_nothing"] = failed(found.decoy) if found.decoy else say("no other path was asked")
    if facts.foreign_page is None and found.asked.failure is None:
        why["foreign_page"] = say("there is nothing to tell one page from another by")
    return why


def _decoy_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/opskit-{secrets.token_hex(6)}"


def _trimmed(asked: Exchange, wanted: str) -> Exchange:
    """Keep what is judged and shown; the rest of a page is nobody's business."""
    headers = {name: redact(text) for name, text in asked.headers.items() if name in _HEADERS}
    body = redact(asked.body)
    kept = body[:_KEPT]
    if wanted in body and wanted not in kept:
        kept += f" ... {wanted}"
    return msgspec.structs.replace(asked, body=kept, headers=headers)


def _catch_all(asked: Exchange, decoy: Exchange | None) -> bool | None:
    if decoy is None or decoy.failure is not None or asked.failure is not None:
        return None
    return (asked.status, asked.body) == (decoy.status, decoy.body)


def _out_of_date(asked: Exchange, now: datetime) -> tuple[bool | None, bool | None]:
    """Whether the certificate that users are shown has ended or not begun; over plain HTTP there is none that could."""
    if not asked.url.startswith("https:"):
        return False, False
    if not asked.certificate:
        return None, None
    from opskit.probes.pem import parsed

    shown = parsed(asked.certificate)
    return (shown.not_valid_after_utc < now, shown.not_valid_before_utc > now) if shown else (None, None)


def _unexpected(asked: Exchange, args: Args) -> Message | None:
    if asked.failure is not None:
        return failed(asked)
    if args.expect_status is not None and asked.status != args.expect_status:
        status, expected = asked.status or 0, args.expect_status
        return say("status {status} from {url}, expected {expected}", status=status, url=asked.url, expected=expected)
    if args.expect_text is not None and args.expect_text not in asked.body:
        return say("the answer of {url} does not contain '{text}'", url=asked.url, text=args.expect_text)
    return None


def _line(asked: Exchange) -> str:
    if asked.failure is not None:
        return f"{asked.failure.kind} at {asked.failure.stage}: {asked.failure.text}"
    return f"HTTP {asked.status} in {asked.phases.get('total_s', 0):.3f} s"
