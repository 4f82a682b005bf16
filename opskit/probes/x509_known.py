"""Certificates and keys that were understood before, in this process or an earlier one; what is new is read.

The library that reads them takes longer to load than all the rest of a check that looks at files. A certificate is
known by its whole text, and kept only where nothing of it remained unread, as a newer library may read more. A private
key is known by the SHA-256 of its text, and what is kept is the SHA-256 of its public half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import TypeVar

import msgspec

from opskit.logs.kept import Kept
from opskit.probes.exchange_evidence import Failure
from opskit.probes.x509 import Certificate

T = TypeVar("T")
_MOST = 500
_LONGEST = 7 << 10  # with what is understood of it, all of them stay below the largest file that is kept
_READERS = Kept("probes/x509.py", "probes/x509_reader.py", "probes/private_key.py")
_SOURCE = "x509"


class Album(msgspec.Struct):
    """Certificates by their PEM text, public halves by private keys. `grown` where the next process has less."""

    certificates: dict[str, Certificate] = {}
    halves: dict[str, str] = {}
    grown: bool = False


def parsed(pem: str) -> Certificate | None:
    """Return the certificate; None where there is none, or none whose dates can be read."""
    known = _album().certificates.get(pem)
    if known is not None:
        return known
    from opskit.probes.x509_reader import understood

    found = understood(pem)
    if found is not None and found.is_whole and len(pem) < _LONGEST:
        _add(_album().certificates, pem, found)
    return found


def public_half(block: bytes, password: bytes | None = None) -> str | Failure:
    """Return the SHA-256 of the public half of a private key, or why it cannot be told: as `private_key` does.

    What takes a password is read each time: it may no longer be the right one.
    """
    name = hashlib.sha256(block).hexdigest()
    known = _album().halves.get(name) if password is None else None
    if known is not None:
        return known
    from opskit.probes.private_key import public_half as read

    found = read(block, password)
    if isinstance(found, str) and password is None:
        _add(_album().halves, name, found)
    return found


def keep(used: Iterable[str]) -> None:
    """Leave all of it to the next process. Where it is full, of the certificates only those `used` (PEM texts) stay."""
    album = _album()
    if not album.grown:
        return
    album.grown = False
    if len(album.certificates) >= _MOST:
        wanted = set(used)
        album.certificates = {pem: found for pem, found in album.certificates.items() if pem in wanted}
    if len(album.halves) >= _MOST:
        album.halves = {}
    _READERS.keep(b"", _SOURCE, Album(album.certificates, album.halves))


def _add(known: dict[str, T], name: str, found: T) -> None:
    """What is full stays as it is, so that as much is known the next time, whatever is looked at last."""
    _album().grown = True
    if len(known) < _MOST:
        known[name] = found


@cache
def _album() -> Album:
    return _READERS.recall(b"", _SOURCE, Album) or Album()
