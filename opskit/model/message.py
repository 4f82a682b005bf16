"""What the program says about what it found, before a language is chosen.

A room creates a Message with an English template and the values; the showing rooms render it in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

import msgspec

from opskit.model.printable import printable
from opskit.model.text import Text

Value = Union[str, int, float, Text, "Message"]
Translate = Callable[[str], str]


class Message(msgspec.Struct, frozen=True, tag="message"):
    """An English template with named fields, and their values. Values may come from outside: rendering escapes them."""

    template: str
    args: dict[str, Value] = {}

    def render(self, translate: Translate = str, lang: str = "en") -> str:
        """Return one line of text; `translate` maps the English template to the reader's language `lang`."""
        shown = {name: _shown(value, translate, lang) for name, value in self.args.items()}
        return translate(self.template).format_map(shown)

    def __str__(self) -> str:
        return self.render()


def say(template: str, **args: Value) -> Message:
    """Return the message; gettext extraction knows this name."""
    return Message(template, args)


def _shown(value: Value, translate: Translate, lang: str) -> str | int | float:
    if isinstance(value, Message):
        return value.render(translate, lang)
    if isinstance(value, Text):
        return printable(value.pick(lang))
    return printable(value) if isinstance(value, str) else value
