"""Why a log cannot be read, in one sentence that says what to do. Raised by `files`, shown by whoever asked."""

from __future__ import annotations

import grp
import stat
from pathlib import Path

from opskit.model.message import Message, say


class LogError(Exception):
    """A log that cannot be read; `message` is the sentence for the operator."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


class Truncated(LogError):  # noqa: N818 - a state of the file that callers count, next to the lines it gave
    """A compressed log that ends too early or is damaged; everything before the damage has been delivered."""


def explained(path: Path, error: OSError | ValueError) -> Message:
    """Return the sentence for a file that could not be opened."""
    shown = str(path)
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return say("{path}: a link to nowhere, there is no such file", path=shown)
        return say("{path}: there is no such file", path=shown)
    if isinstance(error, PermissionError):
        return _forbidden(path)
    if isinstance(error, OSError):
        return say("{path}: cannot be opened ({reason})", path=shown, reason=error.strerror or str(error))
    return say("{path}: this is not a file name", path=shown)


def _forbidden(path: Path) -> Message:
    try:
        found = path.stat()
    except OSError:
        return say("{path}: permission denied on a directory above it; run as root", path=str(path))
    if not found.st_mode & stat.S_IRGRP:
        return say("{path}: permission denied, only its owner may read it; run as root", path=str(path))
    return say(
        "{path}: permission denied; join group {group} (usermod -aG {group} USER) or run as root",
        path=str(path),
        group=_group(found.st_gid),
    )


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def irregular(path: Path, mode: int) -> Message:
    """Return the sentence for a directory, or for a pipe, socket or device that might never end."""
    if stat.S_ISDIR(mode):
        return say("{path}: this is a directory; name the log file in it", path=str(path))
    return say("{path}: this is a pipe, socket or device; logs are read from regular files only", path=str(path))


def wrong_format(path: Path) -> Message:
    """Return the sentence for a name that promises a compression which the content does not have."""
    form = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}.get(path.suffix, "compressed")
    return say("{path}: not {format} data in spite of its name", path=str(path), format=form)


def foreign(path: Path) -> Message:
    """Return the sentence for a compression that is not understood."""
    return say(
        "{path}: {suffix} is not understood; unpack it, or compress it with gzip", path=str(path), suffix=path.suffix
    )


def damaged(path: Path) -> Message:
    """Return the sentence for compressed data that breaks off or fails its checksum."""
    return say("{path}: compressed data ends early or is damaged; the lines before were read", path=str(path))


def uninstalled(path: Path) -> Message:
    """Return the sentence for Zstandard data on a Python that cannot read it."""
    return say("{path}: zstd data; to read it, install opskit with its extra: opskit[fast]", path=str(path))


def shrunk(path: Path) -> Message:
    """Return the sentence for a log that was emptied under its reader, as copytruncate does."""
    return say("{path}: became shorter while it was read (copytruncate?); lines may be missing", path=str(path))
