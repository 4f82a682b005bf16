"""A certificate as opskit understands it. Filled by `x509_reader`, which alone knows the library that parses them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class PublicKey(msgspec.Struct, frozen=True):
    """`kind` is RSA, EC, DSA or another's own name, `bits` its size where it has one, `digest` SHA-256 of its SPKI."""

    kind: str
    bits: int | None
    digest: str


class Certificate(msgspec.Struct, frozen=True):
    """One certificate. None stands for a part that cannot be read, of which then nothing is said.

    `subject` and `issuer` as RFC 4514 writes them, `organization` that of the issuer (empty where it names none),
    `names` and `addresses` the alternative ones (empty where there are none), `sha256` the fingerprint in hexadecimal,
    `signed_with` the hash under its signature (md5, sha256, …; empty where the signature needs none), `tells_issuer`
    whether it says where its issuer's certificate can be fetched (RFC 5280 4.2.2.1).
    """

    not_before: datetime
    not_after: datetime
    serial: str
    sha256: str
    subject: str | None
    issuer: str | None
    common_name: str | None
    organization: str | None
    names: tuple[str, ...] | None
    addresses: tuple[str, ...] | None
    key: PublicKey | None
    signed_with: str | None
    tells_issuer: bool | None

    @property
    def public(self) -> str | None:
        """SHA-256 of its public key; None where that is of no kind that is known."""
        return self.key.digest if self.key is not None else None

    @property
    def lifetime_s(self) -> float:
        """From its beginning to its end."""
        return (self.not_after - self.not_before).total_seconds()

    def left_s(self, now: datetime) -> float:
        """What of it is left, below 0 where it has ended."""
        return (self.not_after - now).total_seconds()

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it remained unread."""
        return None not in msgspec.structs.astuple(self)

    def issued_by(self, other: Certificate) -> bool | None:
        """Whether it names the other's subject as its issuer; None where one of the two cannot be read."""
        return None if None in (self.issuer, other.subject) else self.issuer == other.subject
