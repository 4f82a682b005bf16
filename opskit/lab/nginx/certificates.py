"""A throw-away certificate authority and one server certificate, laid out as certbot does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Certificates:
    """`directory` holds fullchain.pem, privkey.pem and chain.pem; `ca_file` is what a client has to trust."""

    directory: Path
    ca_file: Path

    @property
    def fullchain(self) -> Path:
        """The server certificate and its issuer."""
        return self.directory / "fullchain.pem"


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder(_name(issuer), _name(subject), key.public_key(), x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
    )


def _usage(ca: bool) -> x509.KeyUsage:
    off = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    return x509.KeyUsage(
        digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False, **off
    )


def issue(base: Path, server_name: str, not_before: datetime, not_after: datetime) -> Certificates:
    """Make an authority in `base` and a certificate for `server_name`, localhost and 127.0.0.1 with this validity."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = "opskit lab CA"
    ca = (
        _builder(issuer, issuer, ca_key, ca_key)
        .not_valid_before(min(not_before, not_after - timedelta(days=1)) - timedelta(days=1))
        .not_valid_after(max(not_after, datetime.now(UTC)) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName(server_name), x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    server = (
        _builder(server_name, issuer, key, ca_key)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    made = Certificates(base / "live" / server_name, base / "ca.pem")
    made.directory.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (made.directory / "privkey.pem").write_bytes(private)
    made.ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
    (made.directory / "chain.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    made.fullchain.write_bytes(server.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM))
    return made


def issue_valid(base: Path, server_name: str, days: float = 60, begins_in_days: float | None = None) -> Certificates:
    """A certificate that is good for `days` more; a negative number of days expired so long ago.

    It began 90 days before today or its end, unless `begins_in_days` says otherwise.
    """
    now = datetime.now(UTC)
    begin = min(days, 0) - 90 if begins_in_days is None else begins_in_days
    return issue(base, server_name, now + timedelta(days=begin), now + timedelta(days=days))
