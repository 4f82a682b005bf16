"""Compressed logs to bytes. The content decides which compression it is; a name may only promise one.

zlib is replaced by isal and zstd is understood where the extra `fast` is installed (from Python 3.14 on, zstd always).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Protocol

from opskit.logs.refusal import LogError, Truncated, damaged, foreign, uninstalled, wrong_format

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_FOREIGN = frozenset({".Z", ".lz4", ".lzo", ".lzma", ".zip", ".7z", ".br"})
_CHUNK = 1 << 20
_ZSTD = ("compression.zstd", "backports.zstd")
# A frame of Zstandard may also begin with a skippable one (RFC 8878, 3.1.2), as pzstd writes it.
_MAGIC = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    **{bytes((low, 0x2A, 0x4D, 0x18)): ".zst" for low in range(0x50, 0x60)},
}


class Readable(Protocol):
    """What the decompressors have in common."""

    def read1(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes after at most one read of the raw file, so that no data dies with an error."""
        ...


def kind(path: Path, descriptor: int) -> str | None:
    """Return the suffix that belongs to the content of an open file, None for plain text.

    Raises LogError where the name promises a compression that the content does not have, or that is not understood.
    """
    head = os.pread(descriptor, 8, 0)
    for magic, suffix in _MAGIC.items():
        if head.startswith(magic):
            return suffix
    if head and path.suffix in SUFFIXES:
        raise LogError(wrong_format(path))
    if head and path.suffix in _FOREIGN:
        raise LogError(foreign(path))
    return None


def unpacked(path: Path, raw: IO[bytes], suffix: str) -> Iterator[bytes]:
    """Yield the content of compressed data in pieces; `path` is for the sentences of errors.

    Raises LogError where nothing can be read, and Truncated after the last piece of damaged data.
    """
    began = False
    broken = _errors()
    try:
        for chunk in _gunzip(raw) if suffix == ".gz" else _read(_opener(path, suffix)(raw)):
            began = True
            yield chunk
    except EOFError as error:
        raise Truncated(damaged(path)) from error
    except broken as error:
        if began:
            raise Truncated(damaged(path)) from error
        raise LogError(wrong_format(path)) from error


def _gunzip(raw: IO[bytes]) -> Iterator[bytes]:
    """Read gzip data with one or many members and zeros behind the last, as gzip itself does (RFC 1952).

    The reader of the standard library drops what came out of the block in which the damage is; this one gives it first.
    """
    start = import_module("isal.isal_zlib" if find_spec("isal") else "zlib").decompressobj
    member = None
    while data := raw.read(_CHUNK):
        while data:
            if member is None:
                data = data.lstrip(b"\0")
                member = start(wbits=31) if data else None
                continue
            if found := member.decompress(data, _CHUNK):
                yield found
            data = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        yield member.flush()
        raise EOFError


def _read(unpack: Readable) -> Iterator[bytes]:
    while chunk := unpack.read1(_CHUNK):
        yield chunk


def _opener(path: Path, suffix: str) -> Callable[[IO[bytes]], Readable]:
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File
    if suffix == ".xz":
        import lzma

        return lzma.LZMAFile
    return _zstd(path)


def _zstd(path: Path) -> Callable[[IO[bytes]], Readable]:
    module = _zstd_module()
    if module is None:
        raise LogError(uninstalled(path))
    return import_module(module).ZstdFile  # type: ignore[no-any-return]


def _zstd_module() -> str | None:
    return next((name for name in _ZSTD if find_spec(name.partition(".")[0]) and find_spec(name)), None)


def _errors() -> tuple[type[Exception], ...]:
    """What a decompressor raises on damage; isal and zstd have classes of their own."""
    found: list[type[Exception]] = [OSError, zlib.error, import_module("lzma").LZMAError]
    if find_spec("isal"):
        found.append(import_module("isal.isal_zlib").error)
    if module := _zstd_module():
        found.append(import_module(module).ZstdError)
    return tuple(found)
