"""The manifest of a bundle: what is in it, from where and when, and what was taken out. Read with suspicion."""

from __future__ import annotations

import string
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from opskit.definitions.convert import Converter
from opskit.definitions.reader import compose
from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError
from opskit.model.settings import Stack

MANIFEST = "manifest.yaml"
SCHEMA = 1


class FileEntry(msgspec.Struct, frozen=True):
    """One raw file: the evidence it belongs to, and where it was read."""

    name: str
    key: str
    origin: str
    first_line: int = 1
    complete: bool = True


class Absent(msgspec.Struct, frozen=True):
    """Evidence that could not be collected, and why."""

    key: str
    template: str
    args: dict[str, str] = {}


class Redactions(msgspec.Struct, frozen=True):
    """What was taken out: the number of secrets and texts, and whether names and addresses are pseudonyms."""

    replaced: int
    pseudonyms: bool


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.yaml`. `captured_at` is ISO 8601 with offset, `zone` the IANA name of the host's zone.

    `stack` is the configuration of then: a replay on another host must look for the same ports and the same model.
    """

    schema: int
    captured_at: str
    zone: str
    host: str
    versions: dict[str, str]
    redactions: Redactions
    stack: Stack = Stack()
    files: tuple[FileEntry, ...] = ()
    absent: tuple[Absent, ...] = ()


class BundleError(Exception):
    """The bundle cannot be written or read; `reason` says why."""

    def __init__(self, reason: Message) -> None:
        self.reason = reason
        super().__init__(str(reason))


def parse_manifest(data: bytes, source: str) -> Manifest:
    """Return the manifest in `data`. Raises BundleError with the first thing that is wrong."""
    try:
        document = compose(data, source)
        converter = Converter(document)
        found = converter.finish(converter.struct(document.root, Manifest, ""))
    except DefinitionError as error:
        raise BundleError(error.problems[0].placed()) from None
    if found.schema != SCHEMA:
        text = say("{path} has bundle format {found}, expected {known}", path=source, found=found.schema, known=SCHEMA)
        raise BundleError(text)
    for item in found.absent:
        if not _harmless(item):
            raise BundleError(say("{source}: the reason for '{key}' is malformed", source=source, key=item.key))
    return found


def _harmless(item: Absent) -> bool:
    """A template from outside may only name its own arguments: no attributes, no conversions, no format codes."""
    try:
        fields = list(string.Formatter().parse(item.template))
    except ValueError:
        return False
    return all(name is None or (name in item.args and not spec and not conv) for _text, name, spec, conv in fields)


def captured_at(manifest: Manifest, path: Path) -> datetime:
    """Return the time of capture in the zone of its host. Raises BundleError."""
    try:
        at, zone = datetime.fromisoformat(manifest.captured_at), ZoneInfo(manifest.zone)
    except (ValueError, ZoneInfoNotFoundError):
        at, zone = datetime.min, ZoneInfo("UTC")  # noqa: DTZ901  # without offset: refused below
    if at.tzinfo is None:
        text = say("{path}: captured_at wants a time with offset, zone an IANA name (Europe/Berlin)", path=str(path))
        raise BundleError(text)
    return at.astimezone(zone)
