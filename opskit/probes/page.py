"""Is this the page that it should be? A web server that lost its site still answers 200, with somebody else's page."""

from __future__ import annotations

import html
import re

from opskit.model.regex import regex
from opskit.probes.exchange_evidence import Exchange

_TITLE = regex(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
# What web servers show before anybody gave them a site: nginx (html/index.html; Fedora and EPEL have their own),
# Apache on Debian, Ubuntu and Fedora, IIS, Caddy, Lighttpd, Tomcat.
_OUT_OF_THE_BOX = regex(
    r"welcome to (?:nginx|openresty|tengine|centos)|test page for the |http server test page|apache2 .*default page|"
    r"^it works!?$|^iis windows|^caddy works|placeholder page|^apache tomcat|^site not found|^domain default page",
    re.IGNORECASE,
)


def is_foreign(shown: Exchange, origin: Exchange | None) -> bool | None:
    """True where `shown` is another page than `origin`, or one out of the box; None where nothing tells.

    Bodies may differ by a nonce, so titles decide; a redirect or an error is no page to compare.
    """
    ours = _page(shown)
    if ours is None:
        return None
    title = _title(ours)
    if title is not None and _OUT_OF_THE_BOX.search(title):
        return True
    theirs = _page(origin) if origin is not None else None
    if theirs is None:
        return None
    if theirs == ours:
        return False
    wanted = _title(theirs)
    return None if title is None or wanted is None else title != wanted


def _page(answer: Exchange) -> str | None:
    return answer.body if answer.failure is None and 200 <= (answer.status or 0) < 300 else None


def _title(page: str) -> str | None:
    found = _TITLE.search(page)
    text = " ".join(html.unescape(found.group(1)).split()) if found else ""
    return text or None
