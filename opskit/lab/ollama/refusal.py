"""A request that gets an error instead of an answer."""

from __future__ import annotations


class RefusedError(Exception):
    """The status to answer with; the text is the `error` of the body."""

    def __init__(self, status: int, message: str) -> None:
        """`status` counts only before the first byte has left."""
        super().__init__(message)
        self.status = status
        self.message = message
