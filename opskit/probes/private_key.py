"""What cryptography makes of a private key. It is read for its public half, of which only the SHA-256 leaves this file.

The errors of a key's parser are named and not quoted: who knows what they quote.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from opskit.probes.exchange_evidence import Failure

_ENCRYPTED = Failure("encrypted", "read", "encrypted")


def public_half(block: bytes, password: bytes | None = None) -> str | Failure:
    """Return what `digest_of` says of the key in PEM or DER, or why it cannot be read.

    The failure is of the kind `encrypted` where it wants a password, or another one than this.
    """
    load = load_pem_private_key if block.startswith(b"-----") else load_der_private_key
    try:
        return digest_of(load(block, password).public_key())
    except TypeError:  # a password is missing, or there is nothing to be opened with it
        return _ENCRYPTED
    except (ValueError, UnsupportedAlgorithm) as error:
        return Failure("key", "read", type(error).__name__) if password is None else _ENCRYPTED


def digest_of(public: Any) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo: keys of all kinds are compared by it."""
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
