"""The evidence of the probe `http`, and its arguments. Later fields have defaults, for older bundles."""

from __future__ import annotations

from typing import Literal

import msgspec

from opskit.probes.backend import Backend
from opskit.probes.base import Whole
from opskit.probes.down import Down
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.expectation import Body, Scalar, Statuses, insist_on_statuses
from opskit.probes.redirects import Policy, Redirects

PHASES = ("dns_s", "connect_s", "tls_s", "first_byte_s", "total_s")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`decoy` also asks for a path that cannot exist: if it gets the same answer, the health route proves nothing.

    `origin` is where the page behind a proxy comes from: asked as well, it tells whether users are shown that page.
    `expect_status` is one status, or several, each as 200, "2xx" or "200-299"; `expect_json` maps places of the body,
    such as `checks.0.state`, to what must stand there. `config` is Clawdbot's own configuration, whose way to the
    gateway is asked with `gateway_path`; `gateway` and `key_header` are what opskit itself knows of the gateway. `log`
    is Clawdbot's, looked at when it is down.
    """

    target: Literal["clawdbot", "gateway", "nginx"] = "clawdbot"
    url: str = ""
    expect_status: Statuses = 200
    expect_text: str | None = None
    decoy: bool = True
    verify: bool = True
    origin: str | None = None
    expect_json: dict[str, Scalar] = {}
    redirects: Policy = "same_host"
    gateway_path: bool = True
    config: str | None = None
    gateway: str = ""
    key_header: str = "X-Api-Key"
    log: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a status that is none."""
        insist_on_statuses(self.expect_status)


class Evidenced(msgspec.Struct, frozen=True):
    """What was asked, and what came.

    `asked` is the first exchange, trusted as told; `untrusted` the same without trust, where the certificate did not
    verify; `redirects` what followed; `decoy` and `again` the answers to paths that cannot exist, at the end of their
    redirects; `sizes` the lengths of the bodies of the final answer and the decoy; `body` and `decoy_body` what stood
    at the expected places of their JSON; `routes` the answers of OpenClaw's own health routes, by path.
    """

    asked: Exchange
    decoy: Exchange | None = None
    origin: Exchange | None = None
    untrusted: Exchange | None = None
    redirects: Redirects | None = None
    again: Exchange | None = None
    sizes: list[Whole] = []
    body: Body | None = None
    decoy_body: Body | None = None
    routes: dict[str, Exchange] = {}
    down: Down | None = None
    backend: Backend | None = None

    @property
    def final(self) -> Exchange:
        """The exchange whose answer counts: the last one."""
        if self.redirects is not None and self.redirects.hops:
            return self.redirects.hops[-1]
        return self.untrusted or self.asked
