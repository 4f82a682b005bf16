"""Certificates on disk and on the wire: how long they last, whether they hold, and whether they are being renewed.

For a live endpoint one handshake that verifies, and where that fails one that does not, because the dates matter most
just when verification fails. All arithmetic is in seconds and UTC; rounding is for display only. What is looked at
stands in the modules beside this one: files, handshakes, keys, renewal.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509

from opskit.model.endpoint import endpoint as endpoint_of
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.certificate_evidence import Seen, Shelf
from opskit.probes.certificate_files import look_at, matches
from opskit.probes.certificate_findings import Findings, tell_dates, tell_each, tell_key, tell_strength, tell_trust
from opskit.probes.certificate_served import Shown, tell_served
from opskit.probes.handshake import Visit, visit
from opskit.probes.pem import parsed
from opskit.probes.renewal import CRON, LOGS, TIMERS, look_after
from opskit.probes.renewal_told import tell_renewal
from opskit.probes.secret import secret_of

_TEXTS = {
    "missing": say("there is no such file, or it may not be looked at"),
    "empty": say("it holds no certificate"),
    "folder": say("no certificate in this folder"),
    "cut": say("its certificate is damaged or cut off"),
    "encrypted": say("its password is missing or wrong: set certificates.password_file"),
    "unresolved": say("its name was not resolved in time"),
    "nothing": say("the handshake succeeds without a certificate"),
    "no-starttls": say("the server does not offer STARTTLS"),
    "closed": say("the server ended the connection before TLS began"),
    "early": say("the server goes on talking after it has agreed to TLS"),
    "starttls": say("the server does not switch to TLS: {why}", why=""),
}
_OTHERS = say("{why}", why="")
"""Failures in opskit's own words, by kind; the others carry the system's."""


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files, folders and patterns, endpoints, the name they must prove, and a CA file where the CA is private.

    `password_file` opens PKCS#12 files and encrypted keys; `schedules` and `certbot_logs` are where certbot's timer or
    cron job and its logs are looked for.
    """

    files: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    server_name: str | None = None
    ca_file: str | None = None
    password_file: str | None = None
    schedules: tuple[str, ...] = (*TIMERS, *CRON)
    certbot_logs: str = LOGS


class Facts(msgspec.Struct, frozen=True):
    """The worst over everything that was looked at."""

    days_left: float | None = None
    trusted: bool | None = None
    unreadable: int | None = None


class CertificateProbe(Probe[Args]):
    """Looks at every configured file and endpoint."""

    arguments = Args
    facts = Facts
    metrics = frozenset({
        "days_left", "validity_left_pct", "begun", "trusted", "readable", "answered", "reached", "current", "strong",
        "key_matches", "key_private", "renewal_late_pct", "renewal_late_days", "renewed", "renewer_ran_days",
    })  # fmt: skip

    def defaults(self, settings: Settings) -> Args:
        """The configured files and endpoints."""
        wanted = settings.certificates
        return Args(wanted.files, wanted.endpoints, wanted.server_name, wanted.ca_file, wanted.password_file)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the files, shake hands with the endpoints, see what certbot is up to."""
        visits = [_visit(endpoint, args) for endpoint in args.endpoints]
        found = matches(args.files, deadline)
        seen, cut = list[Seen](), list(found.cut)
        for path in found.paths:
            more, full = look_at(path, lambda: _password(args), deadline)
            seen += more
            cut += [path] if full else []
        confs = [each.lineage for each in seen if each.lineage is not None]
        renewal = look_after(confs, args.schedules, args.certbot_logs, deadline)
        unreached = list[str]()
        for position, one in enumerate(visits):
            # Each gets its share of the time: one that hangs must not hide the others.
            deadline.stage = say("TLS handshake with {endpoint}", endpoint=one.endpoint.shown)
            shown, lost = visit(one, Deadline(deadline.left / (len(visits) - position)))
            seen += shown
            unreached += lost
        if not seen:
            places = ", ".join((*args.files, *args.endpoints)) or "-"
            raise ProbeError(say("no certificate found at {places}: set certificates in opskit.yaml", places=places))
        shelf = Shelf(seen, found.unmatched, unreached, cut, renewal)
        return (pack("certificate.json", shelf, "certificates"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Measure every certificate; of a file with a chain, and of a verified path, the one that ends first counts."""
        del args
        shelf = unpack(raws, Shelf)
        findings = Findings(now)
        chains = [(seen, _tell(findings, seen)) for seen in shelf.seen]
        held = [Shown(seen, chain[0]) for seen, chain in chains if chain]
        tell_served(findings, held)
        if shelf.renewal is not None:
            tell_renewal(findings, [(each.seen, each.leaf) for each in held if not each.seen.live], shelf.renewal)
        findings.notes += _left_out(shelf)
        facts = _facts(findings)
        absent = {"days_left": say("no certificate could be read"), "trusted": say("no endpoint showed a certificate")}
        findings.why.update({name: text for name, text in absent.items() if facts[name] is None})
        evidence = {"days_left": tuple(findings.evidence)}
        return Reading(facts, evidence, findings.why, tuple(findings.samples), tuple(findings.notes))


def _visit(text: str, args: Args) -> Visit:
    found = endpoint_of(text)
    if found is None:
        raise ProbeError(say("{endpoint} is not host:port: correct certificates.endpoints", endpoint=text))
    return Visit(found, found.name or args.server_name or found.host, args.ca_file)


def _password(args: Args) -> bytes | None:
    return secret_of(args.password_file, os.environ).encode() if args.password_file else None


def _tell(findings: Findings, seen: Seen) -> list[x509.Certificate]:
    """Tell what one place holds, and return its certificates."""
    chain = _parsed(findings, seen)
    why = None if chain else _no_certificate(seen)
    # What cannot be read, or shown but not understood, says nothing about the certificate: unknown, unlike silence.
    found = 1.0 if chain else (0.0 if seen.live and not seen.pem else None)
    findings.add("reached" if seen.partial else "answered" if seen.live else "readable", found, seen.place, why)
    if not chain:
        return []
    if seen.live:
        tell_trust(findings, seen, chain)
    # What a server sends without need (a root, a cross-signature that has ended) is no part of its path.
    counted = chain if seen.path or not seen.live else chain[:1]
    tell_dates(findings, seen.place, counted)
    tell_each(findings, seen.place, chain)
    tell_strength(findings, seen.place, counted)
    tell_key(findings, seen, chain)
    return chain


def _parsed(findings: Findings, seen: Seen) -> list[x509.Certificate]:
    """The certificates, or none where one that matters cannot be parsed.

    A broken block makes a file useless to its server too. What a server sends has done its work in the handshake: of
    that only its own certificate must be understood.
    """
    found = [parsed(pem) for pem in seen.pem]
    chain = [certificate for certificate in found if certificate is not None]
    if len(chain) == len(found):
        return chain
    if not seen.live or found[0] is None:
        return []
    findings.notes.append(say("{place} shows a certificate besides its own that cannot be parsed", place=seen.place))
    return chain


def _no_certificate(seen: Seen) -> Message:
    if seen.failure is None:
        return say("it cannot be parsed")
    text = _TEXTS.get(seen.failure.kind, _OTHERS)
    return Message(text.template, {"why": seen.failure.text})


def _left_out(shelf: Shelf) -> list[Message]:
    return [
        *(say("no file matches {pattern}", pattern=pattern) for pattern in shelf.unmatched),
        *(
            say("{place} cannot be reached from this host and was not looked at", place=place)
            for place in shelf.unreached
        ),
        *(say("{place} holds too many files: not all were looked at", place=place) for place in shelf.cut),
    ]


def _facts(findings: Findings) -> dict[str, Fact]:
    samples = findings.samples
    trusted = [sample.value == 1 for sample in samples if sample.metric == "trusted"]
    return {
        "days_left": min((s.value for s in samples if s.metric == "days_left" and s.value is not None), default=None),
        "trusted": all(trusted) if trusted else None,
        "unreadable": sum(not sample.value for sample in samples if sample.metric in {"readable", "answered"}),
    }
