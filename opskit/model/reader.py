"""Who a text is written for. The showing rooms take one, so that nothing below them needs to know of languages."""

from __future__ import annotations

from datetime import datetime, tzinfo

import msgspec

from opskit.model.clock_face import clock_face
from opskit.model.message import Message, Translate
from opskit.model.text import Text


class Reader(msgspec.Struct, frozen=True):
    """The zone of the times, the language of the definitions' words and of the program's."""

    zone: tzinfo
    lang: str = "en"
    translate: Translate = str

    def read(self, words: Message | Text) -> str:
        """Return the words as the reader wants them."""
        return words.pick(self.lang) if isinstance(words, Text) else words.render(self.translate, self.lang)

    def time(self, at: float) -> datetime:
        """Return epoch seconds as the reader's clock shows them."""
        return clock_face(at, self.zone)

    def stamp(self, at: float) -> str:
        """Return epoch seconds as ISO 8601 with seconds and offset."""
        return self.time(at).isoformat(sep=" ", timespec="seconds")
