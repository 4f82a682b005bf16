"""Nagios' command file: a named pipe that takes one external command a line.

The pipe is opened without waiting: where no Nagios reads it, that is an error and not a reason to hang (pipe(7), a
blocking open waits for a reader). A line of at most PIPE_BUF bytes is written whole or not at all, so several writers
cannot mix theirs. Nagios answers nothing: a host or service that it does not know stands in its own log only.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from collections.abc import Sequence

from opskit.model.message import Message, say
from opskit.model.settings import NagiosSettings
from opskit.notify.submission import Submission

LONGEST = 4096
"""PIPE_BUF of Linux (limits.h), the line end included."""
_PATIENCE_S = 1.0  # for a Nagios that is busy


class NagiosPipe:
    """Writes to the command file of the settings."""

    def __init__(self, settings: NagiosSettings) -> None:
        self._path = settings.command_file

    def submit(self, results: Sequence[Submission]) -> list[Message]:
        """Write a line for each result; those behind one that could not be written are given up with it."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            return [self._trouble(error)]
        try:
            # A command file that was left behind as a plain file takes everything, and nobody ever reads it.
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                return [say("{path} is no named pipe: nothing was submitted to Nagios", path=self._path)]
            for number, result in enumerate(results):
                if not self._write(descriptor, f"{result.command}\n".encode("utf-8", "replace")):
                    left = len(results) - number
                    text = say("{path} is full, Nagios does not read it: {n} results given up", path=self._path, n=left)
                    return [text]
        except OSError as error:
            return [self._trouble(error)]
        finally:
            os.close(descriptor)
        return []

    def _write(self, descriptor: int, line: bytes) -> bool:
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                os.write(descriptor, line)
            except BlockingIOError:
                left = end - time.monotonic()
                if left <= 0 or not select.select([], [descriptor], [], left)[1]:
                    return False
            else:
                return True

    def _trouble(self, error: OSError) -> Message:
        if error.errno in {errno.ENXIO, errno.EPIPE}:
            return say("nobody reads {path}: Nagios is not running", path=self._path)
        why = error.strerror or str(error)
        return say("the command file {path} cannot be written: {why}", path=self._path, why=why)
