"""Whether a server still shows the certificate of before although a newer one lies on disk: it was not reloaded.

Two proofs count: what is shown is among those that certbot has put aside for this very lineage; or the server is this
host itself, and a file for exactly the same names, of the same authority, with a key of the same kind, holds a newer
one. Anything less (a
proxy of somebody else in front, a second host with a renewer of its own) is worth a note and no accusation.
"""

from __future__ import annotations

import msgspec

from opskit.model.message import say
from opskit.probes.certificate_evidence import Seen
from opskit.probes.certificate_findings import Findings
from opskit.probes.x509 import Certificate

_GRACE_S = 600.0
"""A renewer may be about to reload the server."""


class Shown(msgspec.Struct, frozen=True):
    """A server's own certificate, or the first of a file, and where it was seen."""

    seen: Seen
    leaf: Certificate


def tell_served(findings: Findings, shown: list[Shown]) -> None:
    """Hold each server against the files."""
    files = [each for each in shown if not each.seen.live]
    for server in (each for each in shown if each.seen.live):
        same = next((file for file in files if file.leaf.sha256 == server.leaf.sha256), None)
        if same is not None:
            findings.add("current", 1.0, server.seen.place, say("{why}", why=same.seen.place))
            continue
        kin = [file for file in files if _are_kin(file, server)]
        if kin:
            # Of several (an old copy beside the one in use) what certbot put aside proves most, then the newest counts.
            _compare(findings, server, max(kin, key=lambda file: _weight(file, server)))


def _compare(findings: Findings, server: Shown, file: Shown) -> None:
    place, path = server.seen.place, file.seen.place
    if file.leaf.not_before == server.leaf.not_before:
        return  # two of the same moment: which one is the newer is not known
    if file.leaf.not_before < server.leaf.not_before:
        findings.notes.append(
            say("{place} shows a newer certificate than {path}: is that the file it reads?", place=place, path=path)
        )
        return
    if file.seen.changed is None or findings.at - file.seen.changed < _GRACE_S:
        return
    if _was_put_aside(file, server) or server.seen.local:
        findings.add("current", 0.0, place, say("{path} holds a newer one: reload the server", path=path))
        return
    findings.notes.append(
        say("{path} holds a newer certificate than {place} shows: does it read that file?", place=place, path=path)
    )


def _are_kin(file: Shown, server: Shown) -> bool:
    if _was_put_aside(file, server):
        return True
    names = _names(server.leaf)
    same = _kind(file.leaf) == _kind(server.leaf) and _maker(file.leaf) == _maker(server.leaf)
    return bool(names) and names == _names(file.leaf) and same


def _weight(file: Shown, server: Shown) -> tuple[bool, float]:
    return _was_put_aside(file, server), file.leaf.not_before.timestamp()


def _was_put_aside(file: Shown, server: Shown) -> bool:
    return server.leaf.sha256 in file.seen.former


def _names(certificate: Certificate) -> set[str]:
    return {name.lower() for name in (*(certificate.names or ()), *(certificate.addresses or ()))}


def _maker(certificate: Certificate) -> str | None:
    """The organization that issued it, as public authorities change their intermediates; else the issuer itself."""
    return certificate.organization or certificate.issuer


def _kind(certificate: Certificate) -> str | None:
    return certificate.key.kind if certificate.key is not None else None
