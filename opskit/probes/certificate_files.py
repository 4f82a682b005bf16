"""Certificates on disk: PEM, DER and PKCS#12, single files, patterns and folders.

In a folder what holds no certificate (keys, parameters, notes) is passed over; a file that cannot be read, or whose
certificate is damaged, is not.
"""

from __future__ import annotations

import binascii
import glob
import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from opskit.model.message import say
from opskit.model.regex import regex
from opskit.probes.base import Deadline
from opskit.probes.certificate_evidence import Key, Seen
from opskit.probes.certificate_key import key_beside, key_configured, key_in, key_told
from opskit.probes.certificate_pairs import Configured, real_path
from opskit.probes.exchange_evidence import Failure
from opskit.probes.path_pattern import paths_of
from opskit.probes.x509_known import parsed

# Base64 has no dashes: so a file full of beginnings without an end costs no more than its length.
PEM = regex(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----")
_BEGUN = regex(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")
_FILE_CAP = 4 << 20
_MOST_FILES = 300
_MOST_MATCHES = 20_000
_GENERATION = regex(r"(?:cert|chain|fullchain|privkey)[0-9]+\.pem")
_MOST_FORMER = 20
_FORMER_CAP = 1 << 16
_SUFFIXES = {".pem", ".crt", ".cer", ".cert", ".der", ".p12", ".pfx"}
_BINARY = {".cer", ".crt", ".cert", ".der", ".p12", ".pfx"}
_ASN1_SEQUENCE = b"\x30"
_LINE = 64

Password = Callable[[], bytes | None]
"""Returns the password of PKCS#12 files, or None where there is none. Raises ProbeError where it cannot be read."""


class Matches(msgspec.Struct, frozen=True):
    """The paths that the patterns mean, the patterns that mean none, and those that mean too many."""

    paths: list[str]
    unmatched: list[str] = []
    cut: list[str] = []


def matches(patterns: Sequence[str], deadline: Deadline) -> Matches:
    """A pattern with wildcards may match nothing; a plain path stands for itself, so that a missing file is noticed."""
    paths, unmatched, cut = set[str](), list[str](), list[str]()
    for pattern in patterns:
        found = [pattern]
        if glob.has_magic(pattern):
            deadline.enter(say("look for {pattern}", pattern=pattern))
            found = _matching(pattern, deadline)
        if len(found) > _MOST_FILES:
            cut.append(pattern)
        if not found:
            unmatched.append(pattern)
        paths |= set(found[:_MOST_FILES])
    return Matches(sorted(paths), unmatched, cut)


def _matching(pattern: str, deadline: Deadline) -> list[str]:
    """Each file once, however many ways lead to it (links in a circle), by certbot's own name for it if it has one.

    What certbot keeps of the time before is not in use and has ended, as it should.
    """
    found = dict[str, str]()
    for path in itertools.islice(paths_of(pattern, deadline), _MOST_MATCHES):
        deadline.enter(say("look for {pattern}", pattern=pattern))
        if _is_put_aside(Path(path)):
            continue
        real = real_path(path)
        if real not in found or "/live/" in path:
            found[real] = path
        if len(found) > _MOST_FILES:
            break
    return list(found.values())


def _is_put_aside(path: Path) -> bool:
    """Whether certbot's live/NAME leads to this generation or to a newer one."""
    live = path.parent.parent.parent / "live" / path.parent.name
    try:
        return path.parent.parent.name == "archive" and bool(_GENERATION.fullmatch(path.name)) and live.is_dir()
    except OSError:
        return False


class Keys(msgspec.Struct, frozen=True):
    """How to open keys, and which of them Nginx is configured with."""

    password: Password
    conf: Configured = Configured()


def look_at(path: str, keys: Keys, deadline: Deadline) -> tuple[list[Seen], bool]:
    """Return what the file or folder holds, and whether a folder held too many files to look at all of them."""
    deadline.enter(say("read {path}", path=path))
    try:
        if not Path(path).is_dir():
            return [_from_file(path, keys)], False
        names = sorted(each for each in Path(path).iterdir() if each.suffix.lower() in _SUFFIXES)
    except (OSError, ValueError) as error:
        return [Seen(path, failure=Failure("file", "open", getattr(error, "strerror", None) or str(error)))], False
    found = list[Seen]()
    for name in names[:_MOST_FILES]:
        deadline.enter(say("read {path}", path=str(name)))
        seen = _from_file(str(name), keys)
        if seen.failure is None or seen.failure.kind not in {"empty", "missing"} or name.suffix.lower() in _BINARY:
            found.append(seen)
    empty = Seen(path, failure=Failure("folder", "read", "no certificate in it"))
    return found or [empty], len(names) > _MOST_FILES


def _from_file(path: str, keys: Keys) -> Seen:
    place = Path(path)
    try:
        if not place.is_file():
            return Seen(path, failure=Failure("missing", "open", "no such file"))
        with place.open("rb") as file:
            data = file.read(_FILE_CAP)
        changed = place.stat().st_mtime
    except (OSError, ValueError) as error:
        return Seen(path, failure=Failure("file", "open", getattr(error, "strerror", None) or str(error)))
    pem, key, failure = _held(place, data, keys.password)
    if failure is not None:
        return Seen(path, failure=failure)
    named = keys.conf.keys_of(path)
    if named:
        leaf = parsed(pem[0])
        key = key_configured(named, leaf.public if leaf else None, keys.password)
    return Seen(path, pem, changed=changed, former=_former(place), key=key, lineage=_lineage(place))


def _held(place: Path, data: bytes, password: Password) -> tuple[list[str], Key | None, Failure | None]:
    """The certificates of a file as PEM with the key that goes with them, or why there are none."""
    blocks = [block.decode("ascii", "replace") for block in PEM.findall(data)]
    if len(blocks) < sum(1 for _ in _BEGUN.finditer(data)):
        return [], None, Failure("cut", "read", "a certificate begins and does not end")
    if blocks:
        leaves = {found.public for block in blocks if (found := parsed(block)) is not None}
        return blocks, key_in(place, data, leaves, password) or key_beside(place, leaves, password), None
    if not data.startswith(_ASN1_SEQUENCE):
        return [], None, Failure("empty", "read", "no certificate in it")
    armoured = _armoured(data)
    alone = parsed(armoured)
    if alone is not None:
        return [armoured], key_beside(place, {alone.public}, password), None
    from opskit.probes.pkcs12 import opened

    held, public, failure = opened(data, password)
    return held, key_told(place, public) if public else None, failure


def _armoured(der: bytes) -> str:
    """A certificate in DER as PEM (RFC 7468)."""
    text = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = (text[at : at + _LINE] for at in range(0, len(text), _LINE))
    return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----\n"))


def _former(place: Path) -> list[str]:
    """SHA-256 of the certificates that certbot keeps of a lineage, newest first (live/NAME/x.pem is a link to them)."""
    try:
        real = place.resolve()
        numbered = re.fullmatch(r"(fullchain|cert)([0-9]+)\.pem", real.name)
        if numbered is None or real.parent.parent.name != "archive":
            return []
        older = [
            other
            for number in range(int(numbered[2]) - 1, max(0, int(numbered[2]) - 1 - _MOST_FORMER), -1)
            if (other := real.with_name(f"{numbered[1]}{number}.pem")).is_file()
        ]
        firsts = [PEM.search(_start_of(other)) for other in older]
    except (OSError, RuntimeError):
        return []
    found = [parsed(first.group().decode("ascii", "replace")) for first in firsts if first]
    return [each.sha256 for each in found if each is not None]


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_FORMER_CAP)


def _lineage(place: Path) -> str | None:
    """`/etc/letsencrypt` and `NAME` of `/etc/letsencrypt/live/NAME/fullchain.pem`, as one path of certbot's own."""
    if place.name not in {"fullchain.pem", "cert.pem"} or place.parent.parent.name != "live":
        return None
    return str(place.parent.parent.parent / "renewal" / f"{place.parent.name}.conf")
