"""Certificates as a test needs them: any key, any dates, with or without an authority or an intermediate between."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = datetime.now(UTC)


def new_key(kind: str = "ec") -> Key:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:] or 2048))
    return ec.generate_private_key(ec.SECP256R1())


class Issued:
    """A certificate with its key, able to sign others."""

    def __init__(
        self, name: str, begins: datetime, ends: datetime, issuer: Issued | None = None, kind: str = "ec",
        ca: bool = False, names: tuple[str, ...] = (), key: Key | None = None, fetched: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.key, self.issuer = name, key or new_key(kind), issuer
        signer = issuer or self
        held: list[x509.GeneralName] = [x509.DNSName(each) for each in names or (name,)]
        if not ca:
            held.append(x509.IPAddress(IPv4Address("127.0.0.1")))
        builder = (
            x509.CertificateBuilder(
                _named(signer.name), _named(name), self.key.public_key(), x509.random_serial_number()
            )
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(held), critical=False)
        )
        if fetched:  # it says where the certificate of its issuer is fetched
            where = x509.UniformResourceIdentifier("http://ca.example.test/issuer.der")
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def lasting(days: float, lifetime: float = 90, name: str = "chat.example.test", **more: object) -> Issued:
    """A certificate with so many days left of a lifetime (in days)."""
    ends = NOW + timedelta(days=days)
    return Issued(name, ends - timedelta(days=lifetime), ends, **more)  # type: ignore[arg-type]


def authority(days: float = 3650) -> Issued:
    return Issued("practice CA", NOW - timedelta(days=3650), NOW + timedelta(days=days), ca=True)


def server_context(folder: Path, *chain: Issued) -> ssl.SSLContext:
    """What a server needs to show a chain, its own certificate first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    add_chain(context, folder, *chain)
    return context


def add_chain(context: ssl.SSLContext, folder: Path, *chain: Issued) -> None:
    """Let a server show a chain; a second one of another kind of key stands beside the first."""
    path = folder / f"{chain[0].certificate.serial_number:x}.pem"
    path.write_bytes(chain[0].key_pem + b"".join(each.pem for each in chain))
    context.load_cert_chain(path)
