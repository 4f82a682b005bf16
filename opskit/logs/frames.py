"""Plain values in files and pipes of this program's own, each as a whole: `marshal` alone reads them bit by bit."""

from __future__ import annotations

import marshal
from typing import IO, Any

_SIZE = 8


def put(file: IO[bytes], value: Any) -> None:
    """Write a value of numbers, texts, tuples, lists and None."""
    data = marshal.dumps(value)
    file.write(len(data).to_bytes(_SIZE, "little"))
    file.write(data)


def take(file: IO[bytes]) -> Any:
    """Read the next value. Only what `put` wrote in this run of the program may be read."""
    size = int.from_bytes(file.read(_SIZE), "little")
    return marshal.loads(file.read(size))  # noqa: S302  # written by this program
