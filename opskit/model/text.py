"""Words of a definition file in the languages it offers."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True, tag="text"):
    """The same sentence in English and, where the author wrote it, in Chinese."""

    en: str
    zh: str | None = None

    def pick(self, lang: str) -> str:
        """Return the sentence in `lang`, or in English where there is no translation."""
        return self.zh if lang == "zh" and self.zh else self.en
