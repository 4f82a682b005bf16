"""What the Nginx configuration says of certificates: those it loads, and the key of each. For the probe `certificate`.

Read apart from the probe's own thread and within a share of its time: a configuration that cannot be read (a pipe among
its includes, megabytes of text) costs nothing but a note.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from opskit.logs.nginx_certificates import Pair, certificate_pairs
from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.model.settings import NginxSettings
from opskit.probes.base import Deadline

_SHARE = 0.4
_LONGEST_S = 5.0
_SHOWN = 400
_MOST_UNREAD = 3
_MOST_PAIRS = 300


class Configured(msgspec.Struct, frozen=True):
    """The pairs of `conf`, values such as `$ssl_server_name` that name no file, and what could not be read of it."""

    conf: str = ""
    pairs: list[Pair] = []
    variable: list[str] = []
    unread: list[str] = []

    def keys_of(self, certificate: str) -> list[str]:
        """The key files that belong to this certificate file, by whatever path the configuration names it."""
        real = real_path(certificate)
        return list(dict.fromkeys(pair.key for pair in self.pairs if pair.key and real_path(pair.certificate) == real))

    def names(self, certificate: str) -> bool:
        """Whether Nginx loads this file."""
        real = real_path(certificate)
        return any(real_path(pair.certificate) == real for pair in self.pairs)


def configured(conf: str | None, deadline: Deadline) -> Configured:
    """Read the configuration. A host without Nginx has none at the usual place, which is not worth a word."""
    if conf is None or (conf == NginxSettings().conf and _is_absent(conf)):
        return Configured()
    deadline.stage = say("read {path}", path=conf)
    result = list[Configured]()
    thread = threading.Thread(target=lambda: result.append(_read(conf)), name="nginx.conf", daemon=True)
    thread.start()
    thread.join(min(deadline.left * _SHARE, _LONGEST_S))
    return result[0] if result else Configured(conf, unread=[f"{conf}: not read in time"])


def real_path(path: str) -> str:
    """The path without symbolic links; as it is where they lead nowhere or in a circle."""
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError, ValueError):
        return path


def _read(conf: str) -> Configured:
    try:
        pairs, variable, unread = certificate_pairs(conf)
    except OSError as error:
        return Configured(conf, unread=[f"{conf}: {error.strerror or error}"])
    except (ValueError, LookupError, RecursionError) as error:
        return Configured(conf, unread=[f"{conf}: {type(error).__name__}"])
    told = [redact(text)[:_SHOWN] for text in unread[:_MOST_UNREAD]]
    return Configured(conf, pairs[:_MOST_PAIRS], [text[:_SHOWN] for text in variable], told)


def _is_absent(path: str) -> bool:
    try:
        return not Path(path).exists()
    except (OSError, ValueError):
        return False
