"""Starts the reader of the NVIDIA driver, before it is known what it will be asked.

Loading what it needs takes as long as the loading of a whole check, and can be done on another processor meanwhile. So
this module loads little, and knows nothing of the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120  # pathlib takes long to load
_waiting: list[subprocess.Popen[bytes]] = []


def begin() -> None:
    """Start a reader for whoever asks first; one that nobody asks ends as soon as this process does."""
    try:
        _waiting.append(start())
    except OSError:  # whoever asks is told
        return


def waiting() -> subprocess.Popen[bytes] | None:
    """Return the reader that was begun, where there is one, once."""
    return _waiting.pop() if _waiting else None


def start() -> subprocess.Popen[bytes]:
    """Start a reader, which takes its question from standard input. Raises OSError."""
    # With -P, and without relative paths, the present folder lends the reader no module; with -S it has what is found
    # here, and does not look for it once more.
    return subprocess.Popen(
        [sys.executable, "-S", "-P", "-m", "opskit.probes.gpu_reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(os.path.isabs, [_PACKAGES, *sys.path])),
            "LC_ALL": "C.UTF-8",
        },
    )
