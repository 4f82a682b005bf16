"""Bundles: the raw evidence of one moment as a folder or .tar.gz, written redacted, read with suspicion, replayed."""

from __future__ import annotations

import io
import os
import platform
import tarfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

import opskit
from opskit.app.manifest import (
    MANIFEST,
    SCHEMA,
    Absent,
    BundleError,
    FileEntry,
    Manifest,
    Redactions,
    captured_at,
    parse_manifest,
)
from opskit.app.observe import Job
from opskit.logs.pseudonym import pseudonyms
from opskit.logs.redact import redact_bytes
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.raw import Raw
from opskit.model.settings import Settings, Stack
from opskit.probes.base import Deadline, ProbeError

_LARGEST = 512 << 20
_LONGEST = 4000  # of a reason or a path; made printable, because YAML forbids control characters


class Bundle:
    """A bundle that was read: a Source for `observe`."""

    def __init__(self, manifest: Manifest, data: Mapping[str, bytes], captured_at: datetime) -> None:
        self.manifest = manifest
        self._data = data
        self._captured_at = captured_at

    def collect(self, job: Job, deadline: Deadline) -> tuple[Raw, ...]:
        """Return the recorded evidence of a probe. Raises ProbeError where there was none, with its reason of then."""
        del deadline
        key = job.probe.key(job.args)
        entries = [entry for entry in self.manifest.files if entry.key == key]
        if entries:
            return tuple(self._raw(entry) for entry in entries)
        absent = next((item for item in self.manifest.absent if item.key == key), None)
        if absent is None:
            raise ProbeError(say("the bundle holds no evidence '{key}'", key=key))
        raise ProbeError(Message(absent.template, dict(absent.args)))

    def _raw(self, entry: FileEntry) -> Raw:
        if entry.name not in self._data:
            raise ProbeError(say("the bundle has lost its file {name}", name=entry.name))
        return Raw(entry.name, self._data[entry.name], entry.origin, entry.first_line, entry.complete)

    def now(self) -> datetime:
        """The time of capture."""
        return self._captured_at

    def settings(self, own: Settings) -> Settings:
        """The stack as it was configured there."""
        return msgspec.structs.replace(own, stack=self.manifest.stack)


def write(
    path: Path,
    collected: Mapping[str, tuple[Raw, ...] | Message],
    at: datetime,
    stack: Stack,
    secret: bytes | None = None,
) -> Manifest:
    """Write evidence by key, redacted, to a .tar.gz or, for any other name, a new folder.

    With `secret` users and addresses become pseudonyms that are consistent within the bundle. Raises BundleError.
    """
    files: dict[str, bytes] = {}
    entries, absent, replaced = list[FileEntry](), list[Absent](), 0
    for key, found in collected.items():
        if isinstance(found, Message):
            absent.append(
                Absent(
                    key, found.template, {name: printable(str(value), _LONGEST) for name, value in found.args.items()}
                )
            )
            continue
        for raw in found:
            data, count = redact_bytes(raw.data)
            replaced += count
            files[raw.name] = pseudonyms(data, secret) if secret else data
            entries.append(FileEntry(raw.name, key, printable(raw.origin, _LONGEST), raw.first_line, raw.complete))
    zone = getattr(at.tzinfo, "key", None) or "UTC"
    versions = {"opskit": opskit.__version__, "python": platform.python_version(), "kernel": platform.release()}
    host = "host" if secret else platform.node()
    redactions = Redactions(replaced, pseudonyms=secret is not None)
    manifest = Manifest(SCHEMA, at.isoformat(), zone, host, versions, redactions, stack, tuple(entries), tuple(absent))
    files[MANIFEST] = _yaml(manifest)
    try:
        _store(path, files, at)
    except OSError as error:
        raise BundleError(say("{path} cannot be written: {why}", path=str(path), why=error.strerror or "?")) from None
    return manifest


def _yaml(manifest: Manifest) -> bytes:
    # JSON is YAML 1.2: exact quoting for free, and a person can still read and edit it.
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def _store(path: Path, files: Mapping[str, bytes], at: datetime) -> None:
    """Write all or nothing: under another name first, moved when complete, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if path.name.endswith((".tar.gz", ".tgz")):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size, info.mtime, info.mode = len(data), int(at.timestamp()), 0o600
                    archive.addfile(info, io.BytesIO(data))
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return
    path.mkdir(mode=0o700, parents=True)
    for name, data in files.items():
        (path / name).write_bytes(data)


def read(path: Path) -> Bundle:
    """Read a bundle from a folder or an archive. Raises BundleError."""
    try:
        files = dict(_members(path))
    except tarfile.ReadError:
        raise BundleError(
            say("{path} cannot be read as a bundle: it is no archive, or damaged", path=str(path))
        ) from None
    except (OSError, tarfile.TarError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BundleError(say("{path} cannot be read as a bundle: {why}", path=str(path), why=why)) from None
    if MANIFEST not in files:
        raise BundleError(say("{path} is no bundle: it holds no {name}", path=str(path), name=MANIFEST))
    manifest = parse_manifest(files[MANIFEST], f"{path}/{MANIFEST}")
    return Bundle(manifest, files, captured_at(manifest, path))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield plain names with their content; nothing is unpacked to disk, so no name can lead anywhere."""
    room = _LARGEST
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file() and not file.is_symlink():
                room -= file.stat().st_size
                _insist(room, path)
                yield file.name, file.read_bytes()
        return
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise BundleError(say("{path} is neither a folder nor an archive", path=str(path)))
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if not member.isfile():
                continue
            room -= member.size
            _insist(room, path)
            content = archive.extractfile(member)
            # Archives made by hand hold the folder itself: only the last part of a name counts.
            yield member.name.rpartition("/")[2], content.read() if content else b""


def _insist(room: int, path: Path) -> None:
    if room < 0:
        text = say("{path} is larger than a bundle can be ({limit} MiB)", path=str(path), limit=_LARGEST >> 20)
        raise BundleError(text)
