"""Certificates on disk and on the wire: how long they last, whether they hold, and whether they are being renewed.

For a live endpoint one handshake that verifies, and where that fails one that does not, because the dates matter most
just when verification fails. All arithmetic is in seconds and UTC; rounding is for display only. What is looked at
stands in the modules beside this one: files, handshakes, keys, renewal.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from opskit.model.endpoint import endpoint as endpoint_of
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.certificate_clock import clock, doubt
from opskit.probes.certificate_evidence import Clock, Seen, Shelf
from opskit.probes.certificate_facts import Facts, facts_of
from opskit.probes.certificate_files import Keys, look_at, matches
from opskit.probes.certificate_findings import Findings, tell_dates, tell_each, tell_strength, tell_trust
from opskit.probes.certificate_gaps import left_out, no_certificate
from opskit.probes.certificate_key_told import tell_key
from opskit.probes.certificate_pairs import configured, real_path
from opskit.probes.certificate_served import Shown, tell_served
from opskit.probes.certificate_spare import anchors, needed
from opskit.probes.renewal import LOGS, look_after
from opskit.probes.renewal_told import tell_renewal
from opskit.probes.renewers import HOMES, renewers
from opskit.probes.renewers_told import tell_renewers
from opskit.probes.secret import secret_of
from opskit.probes.starters import CRON, TIMERS
from opskit.probes.x509 import Certificate
from opskit.probes.x509_known import keep, parsed

if TYPE_CHECKING:
    from opskit.probes.handshake import Visit


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files, folders and patterns, endpoints, the name they must prove, and a CA file where the CA is private.

    `password_file` opens PKCS#12 files and encrypted keys; `nginx_conf` tells which certificates Nginx loads, each with
    its key; `schedules`, `certbot_logs` and `acme_homes` are where timers and cron jobs, the logs of certbot and the
    folders of acme.sh are looked for.
    """

    files: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    server_name: str | None = None
    ca_file: str | None = None
    password_file: str | None = None
    schedules: tuple[str, ...] = (*TIMERS, *CRON)
    certbot_logs: str = LOGS
    nginx_conf: str | None = None
    acme_homes: tuple[str, ...] = HOMES


class CertificateProbe(Probe[Args]):
    """Looks at every configured file and endpoint."""

    arguments = Args
    facts = Facts
    metrics = frozenset({
        "days_left", "validity_left_pct", "begun", "trusted", "readable", "answered", "reached", "current", "strong",
        "key_matches", "key_beside_fits", "key_private", "clock_off_s", "renewal_late_pct", "renewal_late_days",
        "renewed", "renewer_ran_days",
    })  # fmt: skip

    def defaults(self, settings: Settings) -> Args:
        """The configured files and endpoints."""
        wanted = settings.certificates
        return Args(wanted.files, wanted.endpoints, wanted.server_name, wanted.ca_file, wanted.password_file,
                    nginx_conf=settings.stack.nginx.conf)  # fmt: skip

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the files, shake hands with the endpoints, see what the renewers are up to."""
        visits = [_visit(endpoint, args) for endpoint in args.endpoints]
        shelf = _files(args, deadline)
        confs = [each.lineage for each in shelf.seen if each.lineage is not None]
        renewal = look_after(confs, args.schedules, args.certbot_logs, deadline)
        certbots = {each.conf for each in renewal.lineages} if renewal else set[str]()
        others = (each for each in shelf.seen if each.pem and each.lineage not in certbots)
        keepers = renewers(others, args.acme_homes, args.schedules, deadline)
        shown, unreached = _endpoints(visits, deadline) if visits else ([], [])
        if not shelf.seen and not shown:
            places = ", ".join((*args.files, *args.endpoints)) or "-"
            raise ProbeError(say("no certificate found at {places}: set certificates in opskit.yaml", places=places))
        shelf = msgspec.structs.replace(
            shelf, seen=[*shelf.seen, *shown], unreached=unreached, renewal=renewal, keepers=keepers, clock=clock()
        )
        keep(pem for each in shelf.seen for pem in each.pem)
        return (pack("certificate.json", shelf, "certificates"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Measure every certificate; of a file with a chain, and of a verified path, the one that ends first counts."""
        del args
        shelf = unpack(raws, Shelf)
        findings = Findings(now)
        chains = [(seen, _tell(findings, seen, shelf.clock)) for seen in shelf.seen]
        held = [Shown(seen, chain[0]) for seen, chain in chains if chain]
        tell_served(findings, held)
        on_disk = [(each.seen, each.leaf) for each in held if not each.seen.live]
        if shelf.renewal is not None:
            tell_renewal(findings, on_disk, shelf.renewal)
        if shelf.keepers is not None:
            tell_renewers(findings, on_disk, shelf.keepers, shelf.renewal)
        findings.notes += left_out(shelf)
        facts = as_facts(facts_of(findings.samples, held))
        absent = {"trusted": say("no endpoint showed a certificate")}
        absent |= {
            "days_left": say("no certificate could be read"),
            "left_pct": say("no certificate could be read"),
            "another_name": say("no endpoint showed a certificate that tells it"),
            "chain_short": say("no endpoint showed a certificate that tells it"),
            "reload_due": say("no file was found that belongs to what an endpoint shows"),
            "renewal_failed": say("no renewer was found that sees to a certificate"),
        }
        findings.why.update({name: text for name, text in absent.items() if facts[name] is None})
        evidence = {"days_left": tuple(findings.evidence)}
        return Reading(facts, evidence, findings.why, tuple(findings.samples), tuple(findings.notes))


def _files(args: Args, deadline: Deadline) -> Shelf:
    """The files that were asked for, and those besides that Nginx loads."""
    conf = configured(args.nginx_conf, deadline)
    keys = Keys(lambda: _password(args), conf)
    found = matches(args.files, deadline)
    seen, cut, hidden = list[Seen](), list(found.cut), dict[str, str]()
    for path in found.paths:
        more, full = look_at(path, keys, deadline)
        seen += more
        cut += [path] if full else []
    known = {real_path(each.place) for each in seen}
    for path in dict.fromkeys(pair.certificate for pair in conf.pairs if real_path(pair.certificate) not in known):
        (one,), _ = look_at(path, keys, deadline)
        # What opskit.yaml does not ask for, this user need not be able to read.
        if one.failure is not None and one.failure.kind == "file":
            hidden[path] = one.failure.text
        else:
            seen.append(msgspec.structs.replace(one, named_by=conf.conf))
    seen = [msgspec.structs.replace(one, anchors=anchors(one.pem)) for one in seen]
    return Shelf(seen, found.unmatched, cut=cut, conf_unread=conf.unread, conf_hidden=hidden,
                 conf_variable=conf.variable)  # fmt: skip


def _endpoints(visits: Sequence[Visit], deadline: Deadline) -> tuple[list[Seen], list[str]]:
    """What they show, and the addresses without a way. Each gets its share of the time, to hide no other."""
    from opskit.probes.handshake import visit  # a host that has only files needs no TLS

    seen, unreached = list[Seen](), list[str]()
    for position, one in enumerate(visits):
        deadline.stage = say("TLS handshake with {endpoint}", endpoint=one.endpoint.shown)
        shown, lost = visit(one, Deadline(deadline.left / (len(visits) - position)))
        seen += shown
        unreached += lost
    return seen, unreached


def _visit(text: str, args: Args) -> Visit:
    found = endpoint_of(text)
    if found is None:
        raise ProbeError(say("{endpoint} is not host:port: correct certificates.endpoints", endpoint=text))
    from opskit.probes.handshake import Visit

    return Visit(found, found.name or args.server_name or found.host, args.ca_file)


def _password(args: Args) -> bytes | None:
    return secret_of(args.password_file, os.environ).encode() if args.password_file else None


def _tell(findings: Findings, seen: Seen, kept: Clock | None) -> list[Certificate]:
    """Tell what one place holds, and return its certificates."""
    chain = _parsed(findings, seen)
    why = None if chain else no_certificate(seen)
    # What cannot be read, or shown but not understood, says nothing about the certificate: unknown, unlike silence.
    silent = seen.live and not seen.pem and not (seen.failure is not None and seen.failure.kind == "own")
    found = 1.0 if chain else 0.0 if silent else None
    findings.add("reached" if seen.partial else "answered" if seen.live else "readable", found, seen.place, why)
    if not chain:
        return []
    if seen.live:
        tell_trust(findings, seen, chain)
    # What a server sends without need (a root, a cross-signature that has ended) is no part of its path.
    counted = needed(findings, seen, chain) if not seen.live else chain if seen.path else chain[:1]
    tell_dates(findings, seen.place, counted, doubt(findings, seen, counted, kept))
    tell_each(findings, seen.place, chain)
    tell_strength(findings, seen.place, counted)
    tell_key(findings, seen, chain)
    return chain


def _parsed(findings: Findings, seen: Seen) -> list[Certificate]:
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
