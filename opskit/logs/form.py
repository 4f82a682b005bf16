"""A log format as counting sees it: a name, the reader of a line, and what makes reading millions of them fast."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Literal

import msgspec

from opskit.logs.request import Request
from opskit.logs.shape import Shape
from opskit.model.text import Text

Parse = Callable[[bytes], Request | None]
Shapes = Callable[[Sequence[bytes], Collection[str]], list[Shape]]


def late(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that is loaded at the first call: most logs need the readers of one format."""

    @cache
    def found() -> Callable[..., Any]:
        return getattr(import_module(f"opskit.logs.{module}"), name)  # type: ignore[no-any-return]

    def call(*arguments: Any) -> Any:
        return found()(*arguments)

    return call


def _any(_: bytes) -> bool:
    return True


def _shapeless(*_: object) -> list[Shape]:
    return []


class Format(msgspec.Struct, frozen=True):
    """A format: its name on the command line, what it is, and the reader of one line.

    `shapes` gives, for a sample of lines and the fields of interest, the forms that can be read by the million;
    `around` is what stands directly before and after the status in every line that `parse` understands. `in_order` is
    False where lines may be stamped with the time at which the request began. `likely` tells at a glance whether a
    line may be of the format, and `guessed` whether `auto` may choose it; `silent` is what a file proves that
    tells of no request: `own`, that it is of the format; `shared`, something if no other tells of any; `no`, nothing.
    """

    name: str
    says: Text
    parse: Parse
    shapes: Shapes = _shapeless
    around: tuple[bytes, bytes] = (b"", b"")
    in_order: bool = True
    likely: Callable[[bytes], bool] = _any
    silent: Literal["own", "shared", "no"] = "shared"
    guessed: bool = True


def inside(inner: Sequence[Format], text: bytes) -> Request | None:
    """Read a line that something else carried, by the first format that can."""
    likely = (form.parse for form in inner if form.likely(text))
    return next((request for parse in likely if (request := parse(text)) is not None), None)
