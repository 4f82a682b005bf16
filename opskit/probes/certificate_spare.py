"""Certificates at the end of a file's chain that no client needs, because its own store has a root with the same key.

Authorities let an older one sign the root that is not known everywhere yet. When that signature ends (AddTrust in 2020,
DST Root CA X3 in 2021 and 2024), the chain still verifies by the root of the store: OpenSSL since 1.1.0 looks there
first (X509_V_FLAG_TRUSTED_FIRST). Of an endpoint the path that was verified tells that by itself.
"""

from __future__ import annotations

from opskit.model.message import say
from opskit.probes.certificate_evidence import Seen
from opskit.probes.certificate_findings import Findings, names_of
from opskit.probes.x509 import Certificate
from opskit.probes.x509_known import parsed

_FIRST = 2
"""The server's own certificate and what has signed it are needed whatever the store holds."""


def anchors(pem: list[str]) -> dict[str, float]:
    """Return the ends (epoch seconds) of this host's roots that stand for certificates of the chain, by SHA-256."""
    held = (parsed(text) for text in pem[_FIRST:])
    crossed = {found for found in held if found is not None and found.issued_by(found) is False}
    if not crossed:
        return {}
    import ssl  # few chains are looked at so closely

    from opskit.probes.x509_reader import understood  # the store's roots are not worth remembering

    ends: dict[tuple[str | None, str | None], float] = {}
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        root = understood(ssl.DER_cert_to_PEM_cert(der))
        if root is not None:
            key = root.subject, root.public
            ends[key] = max(ends.get(key, 0.0), root.not_after.timestamp())
    known = {each.sha256: ends.get((each.subject, each.public)) for each in crossed}
    return {name: end for name, end in known.items() if end is not None}


def needed(findings: Findings, seen: Seen, chain: list[Certificate]) -> list[Certificate]:
    """Return the chain without its needless end; where that has run out, it is worth a note."""
    for position, each in enumerate(chain[_FIRST:], _FIRST):
        end, ends = seen.anchors.get(each.sha256), each.not_after.timestamp()
        if end is not None and end > ends and chain[position - 1].issued_by(each):
            if ends <= findings.at:
                findings.notes.append(
                    say(
                        "{place}: the certificate of {names} in it has ended and can go: clients have a root of their "
                        "own in its place",
                        place=seen.place,
                        names=names_of(each),
                    )
                )
            return chain[:position]
    return chain
