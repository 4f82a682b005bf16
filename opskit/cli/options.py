"""The options before the command. Made by `commands`, taken by every command body."""

from __future__ import annotations

from pathlib import Path


class Options:
    """The options before the command, and the context they lead to."""

    def __init__(self, config: Path | None, definitions: Path | None, lang: str | None) -> None:
        self.config = config
        self.definitions = definitions
        self.lang = lang
