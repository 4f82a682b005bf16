"""The evidence of the probe `certificate`. Public parts only: of a private key, whose it is and who may read it."""

from __future__ import annotations

import msgspec

from opskit.probes.exchange_evidence import Failure


class Key(msgspec.Struct, frozen=True):
    """A private key beside a certificate: SHA-256 of its public half, or why that could not be told.

    `open_to_all`: every user of the host can open the file. `configured`: the Nginx configuration names it for this
    certificate; `guessed`: nothing but its name speaks for it.
    """

    place: str
    public: str | None = None
    open_to_all: bool | None = None
    failure: Failure | None = None
    configured: bool = False
    guessed: bool = False


class Seen(msgspec.Struct, frozen=True):
    """One file, or one address of an endpoint: its certificates as PEM, or why there are none.

    Of a server: `unverified` is what verifying came to, `path` tells that `pem` is the path that was verified, `sent`
    that it is all that the server sent, its own first (else it is its own alone), `partial` that other addresses of the
    same endpoint do answer, `local` that the address is one of this host, `date` the time by its own clock (epoch
    seconds), asked for where dates seem not to fit.

    Of a file: `changed` in epoch seconds, `former` are the SHA-256 of the certificates that certbot keeps of the time
    before, `lineage` is the path of certbot's configuration for it, `named_by` the Nginx configuration that names the
    file where opskit.yaml does not, `anchors` the ends of this host's roots that have the key of a certificate in it,
    by the SHA-256 of that certificate.
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
    date: float | None = None
    named_by: str | None = None
    anchors: dict[str, float] = {}


class Clock(msgspec.Struct, frozen=True):
    """This host's clock: whether it follows a source, and the program that runs here to see to it."""

    synchronized: bool
    service: str = ""


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


class Keeper(msgspec.Struct, frozen=True):
    """The renewer of one file other than certbot, and its record. `due`: when it renews, in epoch seconds.

    `before`: how many days before the end it renews, where its configuration says so.
    """

    place: str
    renewer: str
    conf: str
    due: float | None = None
    before: float | None = None
    failure: Failure | None = None


class Keepers(msgspec.Struct, frozen=True):
    """The renewers that were found, what starts each by its name, and places that this user may not look at."""

    kept: list[Keeper] = []
    starters: dict[str, list[str]] = {}
    hidden: list[str] = []


class Shelf(msgspec.Struct, frozen=True):
    """All of it. `unreached` are addresses that this host has no way to; `cut` patterns matched too many files.

    `conf_unread` is what of the Nginx configuration could not be read, `conf_hidden` the certificates it names that
    this user may not look at, each with the system's word; `conf_variable` values that name no file.
    """

    seen: list[Seen]
    unmatched: list[str] = []
    unreached: list[str] = []
    cut: list[str] = []
    renewal: Renewal | None = None
    keepers: Keepers | None = None
    clock: Clock | None = None
    conf_unread: list[str] = []
    conf_hidden: dict[str, str] = {}
    conf_variable: list[str] = []
