"""What came of bytes when they were last read, kept as Python keeps bytecode: so the same are not read twice.

Reading YAML strictly, or loading a library for X.509, takes longer than most checks do. Beside the value stand all
bytes that it came of, so what was kept is never out of date, and of what it needs to be believed nothing is left to a
checksum. It stands in the user's cache (`$XDG_CACHE_HOME/opskit`, else `~/.cache/opskit`), is written and read only
where all of it belongs to that user alone, and may be deleted at any time. Whatever goes wrong here means that the
bytes are read.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

from opskit.model.typed import prepared

T = TypeVar("T")
_LARGEST = 8 << 20
_MOST = 500  # files; whoever has that many definitions has read them under many names
_LONGEST_NAME = 200
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class _Held(msgspec.Struct, frozen=True, array_like=True):
    """`made_by` names the reader."""

    made_by: str
    data: bytes
    value: msgspec.Raw


class Kept:
    """What one reader made of bytes. `code` are the rooms and modules of opskit that are the reader.

    Another reader may understand the same bytes otherwise: where the code is another one, nothing is recalled.
    """

    def __init__(self, *code: str) -> None:
        self._code = code

    def recall(self, data: bytes, source: str, kind: type[T]) -> T | None:
        """Return what came of these bytes, read as `source`; None where that was not kept."""
        try:
            with _folder() as folder:
                kept = msgspec.msgpack.decode(_own(folder, _name(source, kind)), type=prepared(_Held))
            if kept.data != data or kept.made_by != reader(self._code):
                return None
            return msgspec.msgpack.decode(kept.value, type=prepared(kind))
        except (OSError, ValueError):  # msgspec's errors are ValueErrors
            return None

    def keep(self, data: bytes, source: str, value: object) -> None:
        """Keep what came of these bytes, in place of what came of `source` before."""
        try:
            held = _Held(reader(self._code), data, msgspec.Raw(msgspec.msgpack.encode(value)))
            made, name = msgspec.msgpack.encode(held), _name(source, type(value))
            if len(made) > _LARGEST:
                return
            with _folder(make=True) as folder:
                if len(os.listdir(folder)) > _MOST:  # noqa: PTH208  # a descriptor has no path
                    _empty(folder)
                _write(folder, name, made)
        except (OSError, ValueError):
            return


def _name(source: str, kind: type) -> str:
    """Raises ValueError where the source has a name that no file can have."""
    name = f"{kind.__name__.lower()}-{quote(source, safe='')}"
    if len(name) > _LONGEST_NAME:
        raise ValueError("too long")
    return name


@contextmanager
def _folder(*, make: bool = False) -> Iterator[int]:
    """Open the folder. Raises OSError where there is none, or where somebody else may write to it.

    Another user's home, as `sudo` leaves it in the environment, is no place to leave files in.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = os.environ.get("HOME", "").rstrip("/")
    cache_home = given if given.startswith("/") else f"{home}/.cache" if home.startswith("/") else ""
    if not cache_home:
        raise OSError("no home")
    path = Path(cache_home, "opskit")
    if make:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid == os.geteuid():
            path.mkdir(0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _insist_on_own(os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _insist_on_own(about: os.stat_result) -> None:
    if about.st_uid != os.geteuid() or about.st_mode & _OTHERS_WRITE:
        raise OSError("not of this user alone")


def _own(folder: int, name: str) -> bytes:
    """Read a file that nobody else can have written."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        _insist_on_own(about)
        if not stat.S_ISREG(about.st_mode):
            raise OSError("no file")
        return file.read(_LARGEST)


def _write(folder: int, name: str, made: bytes) -> None:
    """Write a file whole or not at all, also where two processes do so at once."""
    beside = f"{name}.{os.getpid()}.{threading.get_ident()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(made)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(beside, dir_fd=folder)
        raise


def _empty(folder: int) -> None:
    """Forget everything: what is in use is soon there again."""
    for name in os.listdir(folder):
        os.unlink(name, dir_fd=folder)


@cache
def reader(code: tuple[str, ...]) -> str:
    """Name the code that reads: its files' times and sizes, which change where another opskit is installed."""
    places = [Path(__file__).parents[1] / each for each in code]
    told = [about.stat() for place in places for about in (os.scandir(place) if place.is_dir() else [place])]
    files = [about for about in told if stat.S_ISREG(about.st_mode)]
    return f"{max(one.st_mtime_ns for one in files)} {sum(one.st_size for one in files)} {len(files)}"
