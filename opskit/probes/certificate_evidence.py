"""The evidence of the probe `certificate`. Public parts only: of a private key, whose it is and who may read it."""

from __future__ import annotations

import msgspec

from opskit.probes.exchange import Failure


class Key(msgspec.Struct, frozen=True):
    """A private key beside a certificate: SHA-256 of its public half, or why that could not be told.

    `open_to_all`: every user of the host can open the file.
    """

    place: str
    public: str | None = None
    open_to_all: bool | None = None
    failure: Failure | None = None


class Seen(msgspec.Struct, frozen=True):
    """One file, or one address of an endpoint: its certificates as PEM, or why there are none.

    Of a server: `unverified` is what verifying came to, `path` tells that `pem` is the path that was verified, `sent`
    that it is all that the server sent, its own first (else it is its own alone), `partial` that other addresses of the
    same endpoint do answer, `local` that the address is one of this host.

    Of a file: `changed` in epoch seconds, `former` are the SHA-256 of the certificates that certbot keeps of the time
    before, `lineage` is the path of certbot's configuration for it.
    """

    place: str
    pem: list[str] = []
    failure: Failure | None = None
    unverified: Failure | None = None
    live: bool = False
    path: bool = False
    sent: bool = False
    partial: bool = False
    local: bool | None = None
    changed: float | None = None
    former: list[str] = []
    key: Key | None = None
    lineage: str | None = None


class Lineage(msgspec.Struct, frozen=True):
    """What certbot's renewal configuration says of one certificate; `version` is of the certbot that wrote it."""

    name: str
    conf: str
    version: str = ""
    before: str = ""
    automatic: bool = True
    failure: Failure | None = None


class Renewal(msgspec.Struct, frozen=True):
    """How certbot is started, and its last run. `hidden` are places that this user may not look at."""

    lineages: list[Lineage] = []
    schedules: list[str] = []
    hidden: list[str] = []
    log: str | None = None
    ran: float | None = None
    failed: dict[str, str] = {}


class Shelf(msgspec.Struct, frozen=True):
    """All of it. `unreached` are addresses that this host has no way to; `cut` patterns matched too many files."""

    seen: list[Seen]
    unmatched: list[str] = []
    unreached: list[str] = []
    cut: list[str] = []
    renewal: Renewal | None = None
