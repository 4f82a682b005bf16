"""The certificates of a PKCS#12 file, and whose key is in it."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from opskit.probes.base import ProbeError
from opskit.probes.exchange_evidence import Failure
from opskit.probes.private_key import digest_of

_LONGEST = 200
_ABOUT_THE_PASSWORD = "assword"  # noqa: S105  # what OpenSSL's messages about one have in common


def opened(data: bytes, password: Callable[[], bytes | None]) -> tuple[list[str], str | None, Failure | None]:
    """Return the certificates as PEM, `digest_of` the key that is in it, if one is, and why there is no certificate."""
    try:
        secret = password()
    except ProbeError as error:
        return [], None, Failure("password", "open", str(error.reason))
    why = ""
    for word in dict.fromkeys((secret, None, b"")):
        try:
            store = pkcs12.load_pkcs12(data, word)
        except (ValueError, TypeError) as error:
            why = str(error) if _ABOUT_THE_PASSWORD in str(error) or not why else why
        except Exception as error:  # noqa: BLE001  # algorithms that this build lacks come as several unrelated types
            return [], None, Failure("cut", "read", f"{type(error).__name__}: {error}"[:_LONGEST])
        else:
            return _held(store)
    return [], None, Failure("encrypted" if _ABOUT_THE_PASSWORD in why else "cut", "read", why[:_LONGEST])


def _held(store: pkcs12.PKCS12KeyAndCertificates) -> tuple[list[str], str | None, Failure | None]:
    held = [each.certificate for each in (store.cert, *store.additional_certs) if each is not None]
    if not held:
        return [], None, Failure("empty", "read", "no certificate in it")
    pem = [each.public_bytes(Encoding.PEM).decode("ascii") for each in held]
    return pem, digest_of(store.key.public_key()) if store.key is not None else None, None
