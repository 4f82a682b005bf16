"""Which files the host's behaviour is configured by, and whether they are still what they were."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.definitions import settings
from opskit.definitions.search import folders
from opskit.history.store import Store
from opskit.probes.base import Deadline

_READ_S = 5.0
_LARGEST = 4 << 20


def note_files(context: Context, store: Store) -> list[str]:
    """Note the content of every file; return those that have changed since the last look. Raises HistoryError.

    Of each a digest is kept, not the content: configurations hold keys.
    """
    changed = list[str]()
    for path in dict.fromkeys(_files(context)):
        with suppress(OSError):
            with path.open("rb") as file:
                digest = hashlib.sha256(file.read(_LARGEST)).hexdigest()
            if store.file_seen(str(path), digest, epoch()):
                changed.append(str(path))
    return changed


def _files(context: Context) -> Iterator[Path]:
    """Yield opskit's own files, those of the site's definitions, and those that Nginx reads."""
    own = settings.locate(context.config, os.environ)
    if own is not None:
        yield own
    for kind in ("checks", "playbooks"):
        for folder in list(folders(kind, context.definitions))[1:]:
            yield from sorted(folder.glob("*.yaml"))
    yield from _of_nginx(context.settings.stack.nginx.conf)


def _of_nginx(conf: str) -> Iterator[Path]:
    from opskit.probes.nginx_config_files import Files

    files = Files(conf, Deadline(_READ_S))
    with suppress(OSError, ValueError):
        files.read()
    for file in files.config.files:
        with suppress(OSError):  # a folder that this user may not enter
            if Path(file.path).is_file():
                yield Path(file.path)
