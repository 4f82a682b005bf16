"""The private key beside a certificate: whether it is the certificate's, and whether everybody may read it.

The key is read for nothing but its public half, of which only the SHA-256 is told. Keys are compared by
SubjectPublicKeyInfo and not by modulus, so that an RSA key beside an ECDSA certificate is noticed: `nginx -t` passes
that by (nginx/nginx #209).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from opskit.model.regex import regex
from opskit.probes.base import ProbeError
from opskit.probes.certificate_evidence import Key
from opskit.probes.exchange_evidence import Failure
from opskit.probes.x509_known import public_half

# The next line of dashes ends a block, its own or not: a file full of beginnings costs no more than its length.
_KEY = regex(rb"-----BEGIN ([A-Z ]{0,20})PRIVATE KEY-----(?:[^-]|-(?!----))+-----END \1PRIVATE KEY-----", re.DOTALL)
_CAP = 1 << 18
_FOR_OTHERS = 0o006
_OTHERS_PASS = 0o001
_MOST_KEYS = 4
_CERTBOTS = {"fullchain.pem", "cert.pem"}


def key_in(place: Path, text: bytes, leaves: set[str | None], password: Callable[[], bytes | None]) -> Key | None:
    """The key in the certificate's own file, which holds this text."""
    return _best(place, [match.group() for match in _KEY.finditer(text)][:_MOST_KEYS], leaves, password)


def key_told(place: Path, public: str) -> Key:
    """The key in a file of which it is known already whose it is."""
    return Key(str(place), public, _open_to_all(place))


def key_beside(place: Path, leaves: set[str | None], password: Callable[[], bytes | None]) -> Key | None:
    """The key in a file of the usual name: certbot's privkey.pem, NAME.key, NAME-key.pem; the one that fits if any.

    In certbot's own folder it is the key. Elsewhere the name is a guess, and another certificate's key proves nothing.
    """
    asked = [_in_file(other, leaves, password) for other in _names(place)]
    found = [key for key in asked if key is not None]
    best = next((key for key in found if key.public in leaves and key.public), found[0] if found else None)
    guessed = place.name not in _CERTBOTS
    return msgspec.structs.replace(best, guessed=True) if best is not None and guessed else best


def key_configured(paths: list[str], leaf: str | None, password: Callable[[], bytes | None]) -> Key | None:
    """The key that Nginx is configured with; of several (one certificate in two servers) the worst.

    One that is another certificate's is worse than one that cannot be told, and that than one that everybody may read.
    """
    found = list[Key]()
    for path in paths:
        key = _in_file(Path(path), {leaf}, password)
        key = key or Key(path, failure=Failure("missing", "open", "no such file"))
        found.append(msgspec.structs.replace(key, configured=True))
    return min(found, key=lambda key: _how_bad(key, leaf), default=None)


def _how_bad(key: Key, leaf: str | None) -> int:
    if key.public is None:
        return 1
    return 0 if key.public != leaf else 2 if key.open_to_all else 3


def _in_file(path: Path, leaves: set[str | None], password: Callable[[], bytes | None]) -> Key | None:
    """The key in a file that holds nothing else; None where there is no file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(_CAP)
    except (OSError, ValueError) as error:
        why = Failure("file", "open", getattr(error, "strerror", None) or "?")
        return Key(str(path), None, _open_to_all(path), why)
    return _best(path, [match.group() for match in _KEY.finditer(data)][:_MOST_KEYS] or [data], leaves, password)


def _names(place: Path) -> list[Path]:
    if place.name in _CERTBOTS:
        return [place.with_name("privkey.pem")]
    return [other for other in (place.with_suffix(".key"), place.with_name(f"{place.stem}-key.pem")) if other != place]


def _best(
    place: Path, blocks: list[bytes], leaves: set[str | None], password: Callable[[], bytes | None]
) -> Key | None:
    if not blocks:
        return None
    read = [_public(block, password) for block in blocks]
    exposed = _open_to_all(place)
    fits = next((found for found in read if isinstance(found, str) and found in leaves), None)
    if fits is not None:
        return Key(str(place), fits, exposed)
    # One that stays closed may be the right one: then nothing is said against the others.
    closed = next((found for found in read if isinstance(found, Failure)), None)
    return Key(str(place), None if closed else str(read[0]), exposed, closed)


def _public(block: bytes, password: Callable[[], bytes | None]) -> str | Failure:
    half = public_half(block)
    if isinstance(half, str) or half.kind != "encrypted":
        return half
    try:
        secret = password()
    except ProbeError as error:
        return Failure("password", "open", str(error.reason))
    return public_half(block, secret) if secret else half


def _open_to_all(path: Path) -> bool | None:
    """Whether every user can read or change the file: it lets them, and so does every folder on the way to it.

    certbot before 0.29 wrote keys with mode 0644 into folders that nobody else may enter: no harm done.
    """
    try:
        real = path.resolve()
        if not real.stat().st_mode & _FOR_OTHERS:
            return False
        return all(folder.stat().st_mode & _OTHERS_PASS for folder in real.parents)
    except (OSError, RuntimeError, ValueError):
        return None
