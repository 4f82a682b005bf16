"""What the program says about what it found, before a language is chosen.

A room creates a Message with an English template and the values; the showing rooms render it in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from opskit.model.printable import printable

Value = str | int | float
Translate = Callable[[str], str]


class Message(msgspec.Struct, frozen=True):
    """An English template with named fields, and their values. Values may come from outside: rendering escapes them."""

    template: str
    args: dict[str, Value] = {}

    def render(self, translate: Translate = str) -> str:
        """Return one line of text; `translate` maps the English template to the reader's language."""
        return translate(self.template).format_map(_shown(self.args))

    def __str__(self) -> str:
        return self.render()


def say(template: str, **args: Value) -> Message:
    """Return the message; gettext extraction knows this name."""
    return Message(template, args)


def _shown(args: Mapping[str, Value]) -> dict[str, Value]:
    return {name: printable(value) if isinstance(value, str) else value for name, value in args.items()}
