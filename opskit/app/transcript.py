"""The file that a transcript of triage goes to: tried before anything is measured, and whole or not there at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from opskit.model.message import Message, say


class TranscriptError(Exception):
    """The file cannot be written; `message` says which and why."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class Transcript:
    """A place for a transcript, readable by its owner only. Until `write` an older file there stays as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def insist(self) -> None:
        """Find out whether it can be written, before the work is done that it is for. Raises TranscriptError."""
        try:
            _insist_on_a_file(self.path)
            self._draft("").unlink()
        except OSError as error:
            raise self._error(error) from None

    def write(self, text: str) -> None:
        """Put `text` there in the place of what was there. Raises TranscriptError."""
        try:
            draft = self._draft(text)
            try:
                draft.replace(self.path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._error(error) from None

    def _draft(self, text: str) -> Path:
        # Beside it, as a file can only be moved in one piece within a file system; 0600 from its birth.
        descriptor, name = tempfile.mkstemp(prefix=".opskit-", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _error(self, error: OSError) -> TranscriptError:
        why = error.strerror or str(error)
        return TranscriptError(say("{path} cannot be written: {why}", path=str(self.path), why=why))


def _insist_on_a_file(path: Path) -> None:
    """A device or a pipe must not be replaced by a file, and a link leads to where nobody sees."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is no ordinary file")
