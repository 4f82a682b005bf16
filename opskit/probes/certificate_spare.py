"""Certificates at the end of a file's chain that no client needs, because its own store has a root with the same key.

Authorities let an older one sign the root that is not known everywhere yet. When that signature ends (AddTrust in 2020,
DST Root CA X3 in 2021 and 2024), the chain still verifies by the root of the store: OpenSSL since 1.1.0 looks there
first (X509_V_FLAG_TRUSTED_FIRST). Of an endpoint the path that was verified tells that by itself.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from opskit.model.message import say
from opskit.probes.certificate_evidence import Seen
from opskit.probes.certificate_findings import Findings, names_of
from opskit.probes.certificate_key import public_of
from opskit.probes.pem import parsed

_FIRST = 2
"""The server's own certificate and what has signed it are needed whatever the store holds."""


def anchors(pem: list[str]) -> dict[str, float]:
    """Return the ends (epoch seconds) of this host's roots that stand for certificates of the chain, by SHA-256."""
    crossed = {found for text in pem[_FIRST:] if (found := parsed(text)) is not None and found.issuer != found.subject}
    if not crossed:
        return {}
    import ssl  # few chains are looked at so closely

    ends: dict[tuple[x509.Name, str | None], float] = {}
    for held in ssl.create_default_context().get_ca_certs(binary_form=True):
        root = parsed(ssl.DER_cert_to_PEM_cert(held))
        if root is not None:
            key = root.subject, public_of(root)
            ends[key] = max(ends.get(key, 0.0), root.not_valid_after_utc.timestamp())
    known = {_print_of(each): ends.get((each.subject, public_of(each))) for each in crossed}
    return {name: end for name, end in known.items() if end is not None}


def needed(findings: Findings, seen: Seen, chain: list[x509.Certificate]) -> list[x509.Certificate]:
    """Return the chain without its needless end; where that has run out, it is worth a note."""
    for position, each in enumerate(chain[_FIRST:], _FIRST):
        end, ends = seen.anchors.get(_print_of(each)), each.not_valid_after_utc.timestamp()
        if end is not None and end > ends and chain[position - 1].issuer == each.subject:
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


def _print_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
