"""What is said of the private key of a certificate: whose it is, and who may read it. Pure."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.probes.certificate_evidence import Key, Seen
from opskit.probes.certificate_findings import Findings
from opskit.probes.x509 import Certificate

_CLOSED = {
    "encrypted": say("it is encrypted"),
    "key": say("it cannot be parsed"),
    "missing": say("there is no such file"),
}


def tell_key(findings: Findings, seen: Seen, chain: list[Certificate]) -> None:
    """Whether the key is the certificate's own, and whether everybody may read it; where that cannot be told, a note.

    opskit need not be able to read keys, and for good reason: so not knowing is no alarm. A key that Nginx is
    configured with and that does not exist is none of that: with it Nginx cannot start again.
    """
    key = seen.key
    if key is None:
        return
    if key.public is not None:
        _tell_whose(findings, seen.place, key, key.public, chain)
    elif key.failure is not None and key.failure.kind == "missing":
        findings.add("key_matches", None, seen.place, say("{path}: {why}", path=key.place, why=_CLOSED["missing"]))
    elif key.failure is not None:
        closed = _CLOSED.get(key.failure.kind) or say("{why}", why=key.failure.text)
        findings.notes.append(_not_compared(key, closed))
    if key.open_to_all is not None:
        findings.add("key_private", float(not key.open_to_all), seen.place, say("{why}", why=key.place))


def _tell_whose(findings: Findings, place: str, key: Key, public: str, chain: list[Certificate]) -> None:
    """Nginx takes the first certificate of a file for the server's own; elsewhere any of the file may be meant."""
    owners = {certificate.public for certificate in (chain[:1] if key.configured else chain)}
    fits = public in owners
    if not fits and None in owners:
        findings.notes.append(_not_compared(key, say("the certificate's is of a kind that is not known")))
    elif fits or not key.guessed:
        findings.add("key_matches", float(fits), place, say("{why}", why=key.place))
    else:
        # A file of the same name may be left over from long ago: what serves with which key is not known.
        findings.add("key_beside_fits", 0.0, place, say("{why}", why=key.place))


def _not_compared(key: Key, why: Message) -> Message:
    return say("the key {path} was not compared: {why}", path=key.place, why=why)
