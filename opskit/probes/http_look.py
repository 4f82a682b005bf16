"""The looking half of the probe `http`: which questions follow from which answers, within one deadline."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from opskit.logs.redact import redact
from opskit.probes.address import address_of
from opskit.probes.backend import Backend, knock
from opskit.probes.backend_told import way
from opskit.probes.base import Deadline, OwnLimitError
from opskit.probes.catch_all import KEPT, is_catch_all, is_like
from opskit.probes.down import Down
from opskit.probes.exchange import Exchange, Target, exchange
from opskit.probes.expectation import looked_up, unexpected
from opskit.probes.http_evidence import Args, Evidenced
from opskit.probes.openclaw import routes
from opskit.probes.redirects import Redirects, follow

_HEADERS = {"content-type", "server", "location"}
_FOR_OTHERS = 0.5  # of the time that is left, when systemd is asked
_RESERVE_S, _RESERVE = 0.8, 0.15  # of the time, for the look at processes after an answer that did not come


class Look:
    """One look at one URL."""

    def __init__(self, args: Args, deadline: Deadline) -> None:
        self.args = args
        self.whole = deadline
        self.own = args.target == "clawdbot"
        self.deadline = deadline.before(min(_RESERVE_S, deadline.left * _RESERVE)) if self.own else deadline
        self.verify = args.verify

    def done(self) -> Evidenced:
        """Ask, and ask what the answer makes worth asking."""
        args = self.args
        asked = exchange(Target(args.url, verify=args.verify), self.deadline)
        untrusted = None
        if asked.failure is not None and asked.failure.kind == "certificate":
            self.verify = False
            untrusted = self._more(Target(args.url, verify=False))
        redirects = self._followed(args.url, untrusted or asked)
        final = redirects.hops[-1] if redirects and redirects.hops else untrusted or asked
        body, kept = looked_up(final.body, args.expect_json), self._kept(final)
        found = Evidenced(
            self._kept(asked),
            untrusted=untrusted and self._kept(untrusted),
            redirects=redirects and Redirects([*map(self._kept, redirects.hops)], redirects.end, redirects.to),
            body=body,
        )
        if final.failure is None:
            found = self._compared(found, final, kept)
        if self.own:
            found = msgspec.structs.replace(found, down=self._down(found), backend=self._backend())
        return found

    def _followed(self, url: str, first: Exchange) -> Redirects | None:
        return follow(url, first, self.args.redirects, self.deadline, verify=self.verify)

    def _asked(self, url: str) -> Exchange | None:
        """The answer at the end of a URL's redirects; None where no time is left, or this host does not let us."""
        first = self._more(Target(url, verify=self.verify))
        if first is None:
            return None
        with suppress(OwnLimitError):
            redirects = self._followed(url, first)
            return redirects.hops[-1] if redirects and redirects.hops else first
        return None

    def _more(self, target: Target) -> Exchange | None:
        """What is asked beside the answer that counts must not cost that answer."""
        with suppress(OwnLimitError):
            return exchange(target, self.deadline) if self.deadline.left else None
        return None

    def _compared(self, found: Evidenced, final: Exchange, kept: Exchange) -> Evidenced:
        """Ask for what the answer is compared with: paths that cannot exist, the page's origin, better routes."""
        args = self.args
        decoy = self._asked(_decoy_url(args.url)) if args.decoy else None
        origin = self._asked_once(args.origin)
        known, again, is_page = decoy and self._kept(decoy), None, False
        if decoy is not None and known is not None:
            sizes = [len(final.body), len(decoy.body)]
            again = self._asked(_decoy_url(args.url)) if is_like(kept, known) else None
            again = again and self._kept(again)
            is_page = is_catch_all(kept, known, again, sizes) is True
            found = msgspec.structs.replace(
                found, decoy=known, again=again, sizes=sizes, decoy_body=looked_up(decoy.body, args.expect_json)
            )
        more = self._routes(kept, is_page=is_page and "html" in kept.headers.get("content-type", ""))
        return msgspec.structs.replace(found, origin=origin, routes=more)

    def _asked_once(self, url: str | None) -> Exchange | None:
        answer = self._more(Target(url, verify=self.verify)) if url is not None else None
        return answer and self._kept(answer)

    def _routes(self, kept: Exchange, *, is_page: bool) -> Mapping[str, Exchange]:
        if not self.own or not self.args.decoy:
            return {}
        with suppress(OwnLimitError):
            found = routes(self.args.url, kept, self.deadline, is_page=is_page, verify=self.verify)
            return {path: self._kept(answer) for path, answer in found.items()}
        return {}

    def _down(self, found: Evidenced) -> Down | None:
        """Look for the process where no answer came, or not the one that was expected."""
        args, final = self.args, found.final
        wrong = unexpected(final, args.expect_status, args.expect_text, found.body, args.expect_json)
        if found.asked.failure is None and final.failure is None and wrong is None:
            return None
        if "dns_s" not in found.asked.phases:
            return None  # a name that leads nowhere has no process
        from opskit.probes.ended import ended
        from opskit.probes.listeners import look

        place = address_of(args.url)
        down = look(place.host, place.port)
        if not found.asked.refused or not down.here or down.listeners:
            return down
        return msgspec.structs.replace(down, ended=ended(args.log, self.whole.before(self.whole.left * _FOR_OTHERS)))

    def _backend(self) -> Backend | None:
        """Ask Clawdbot's gateway; where that fails, whether it fails for Clawdbot too depends on its network."""
        args = self.args
        if args.config is None or not args.gateway_path or not self.deadline.left:
            return None
        try:
            backend = knock(args.config, args.key_header, self.deadline)
        except OwnLimitError:
            return None
        if way(backend, args.gateway).good is not False:
            return backend
        from opskit.probes.listeners import same_network

        place = address_of(args.url)
        return msgspec.structs.replace(backend, same_network=same_network(place.host, place.port))

    def _kept(self, asked: Exchange) -> Exchange:
        """Keep what is judged and shown; the rest of a page is nobody's business."""
        headers = {name: redact(text) for name, text in asked.headers.items() if name in _HEADERS}
        kept, wanted = redact(asked.body)[:KEPT], self.args.expect_text or ""
        if wanted in asked.body and wanted not in kept:
            kept += f" ... {wanted}"
        return msgspec.structs.replace(asked, body=kept, headers=headers)


def _decoy_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/opskit-{secrets.token_hex(6)}"
