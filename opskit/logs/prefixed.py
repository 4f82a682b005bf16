"""Lines of other programs behind the prefix of what carried them: syslog, docker compose, Kubernetes.

Nginx itself writes a syslog prefix with `access_log syslog:...` (RFC 3164); journalctl, rsyslog, `docker compose logs`,
`docker logs -t`, containerd (CRI) and `kubectl logs --prefix` put theirs before what any program wrote.
"""

from __future__ import annotations

from collections.abc import Sequence

from opskit.logs.form import Format, inside
from opskit.logs.request import Request
from opskit.model.regex import regex

_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_PREFIXES = (
    rb"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|" + _ISO + rb") (?:[\w.:-]{1,255} )?"
    rb"[\w./@()-]{1,64}(?:\[\d{1,10}\])?: ",
    rb"<\d{1,3}>1 (?:"
    + _ISO
    + rb"|-) \S{1,255} \S{1,48} \S{1,128} \S{1,32} (?:-|(?:\[[^\]]{0,2000}\])+) (?:\xef\xbb\xbf)?",
    _ISO + rb" std(?:out|err) [FP] ",
    _ISO + rb" (?=\S)",
    rb"[A-Za-z0-9][\w.-]{0,63} *\| ",
    rb"\[pod/[^\]\s]{1,300}\] ",
)
_PREFIX = regex(b"|".join(_PREFIXES))
_LAYERS = 2  # docker compose logs -t


def parse(inner: Sequence[Format], line: bytes) -> Request | None:
    """Return what the line behind the prefix tells; None where there is no prefix, or no format of `inner` fits."""
    rests = list[bytes]()
    while len(rests) < _LAYERS and (prefix := _PREFIX.match(line)):
        line = line[prefix.end() :]
        rests.insert(0, line)
    return next((found for rest in rests if (found := inside(inner, rest)) is not None), None)
