"""What one HTTP exchange leaves behind, as it stands in bundles.

Apart from `exchange`, which brings ssl and http.client along: whoever looks at files or at this host starts without.
"""

from __future__ import annotations

import msgspec

from opskit.model.message import Message, say
from opskit.probes.base import Whole

_STAGES = {
    "resolve": say("resolve the name in"),
    "connect to": say("connect to"),
    "TLS handshake with": say("TLS handshake with"),
    "send request to": say("send the request to"),
    "wait for the first byte from": say("wait for the first byte from"),
    "read the answer of": say("read the answer of"),
}


class Failure(msgspec.Struct, frozen=True):
    """Why there is no whole answer: `kind` is a word for conditions, `stage` where it happened, `text` the system's."""

    kind: str
    stage: str
    text: str


class Exchange(msgspec.Struct, frozen=True):
    """One request and what came back. Times are seconds since the start of the exchange, on the monotonic clock.

    `certificate` is the server's own, as PEM, verified or not.
    """

    url: str
    method: str = "GET"
    status: Whole | None = None
    headers: dict[str, str] = {}
    body: str = ""
    phases: dict[str, float] = {}
    failure: Failure | None = None
    certificate: str = ""

    @property
    def refused(self) -> bool:
        """True where nobody listens at the address."""
        return self.failure is not None and self.failure.kind == "refused"

    @property
    def timed_out(self) -> bool:
        """True where the time ran out waiting for the other side."""
        return self.failure is not None and self.failure.kind == "timeout"


def stage_at(stage: str, url: str) -> Message:
    """Return what an exchange was doing, and with whom, for a person."""
    return say("{stage} {url}", stage=_STAGES.get(stage, stage), url=url)
