"""Where an answer sends its caller: redirects followed one by one, within limits. For the probe `http`.

No secret goes along: an exchange here carries no key, and leaves out a user name that a Location holds.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal
from urllib.parse import urljoin, urlsplit

import msgspec

from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.probes.base import Deadline, OwnLimitError, ProbeError
from opskit.probes.exchange import Exchange, Target, exchange

MOST = 10
_REDIRECTS = {301, 302, 303, 307, 308}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LONGEST = 500
Policy = Literal["same_host", "any", "none"]
End = Literal["answer", "loop", "many", "elsewhere", "nowhere"]


class Redirects(msgspec.Struct, frozen=True):
    """The exchanges after the first, and how they ended; `to` is the place that was not asked any more."""

    hops: list[Exchange]
    end: End
    to: str = ""


def is_redirect(answer: Exchange) -> bool:
    """Whether an answer sends its caller somewhere else."""
    return answer.status in _REDIRECTS


def is_circular(answer: Exchange) -> bool:
    """Whether an answer sends its caller to the address that was asked: browsers give up after some rounds."""
    place = _target(answer.url, answer.headers.get("location", "")) if is_redirect(answer) else None
    return place is not None and _complete(place) == _complete(answer.url)


def follow(url: str, first: Exchange, policy: Policy, deadline: Deadline, *, verify: bool) -> Redirects | None:
    """Follow the redirect that `first` is; None where it is none, or none is to be followed."""
    if policy == "none" or first.failure is not None or not is_redirect(first):
        return None
    hops, seen, last = list[Exchange](), {_plain(url)}, first
    while is_redirect(last) and last.failure is None:
        place = _target(url, last.headers.get("location", ""))
        end = _end(place, url, policy, seen, len(hops))
        if end is not None or place is None:
            return Redirects(hops, end or "nowhere", redact(place or last.headers.get("location", ""))[:_LONGEST])
        seen.add(_plain(place))
        url = place
        try:
            last = exchange(Target(place, verify=verify), deadline)
        except OwnLimitError:
            raise
        except ProbeError:
            return Redirects(hops, "nowhere", redact(place)[:_LONGEST])
        hops.append(last)
    return Redirects(hops, "answer")


def _target(url: str, location: str) -> str | None:
    if not location.strip():
        return None
    try:
        return urljoin(url, location.strip().encode("latin-1", "replace").decode("utf-8", "replace"))
    except ValueError:
        return None


def _end(place: str | None, url: str, policy: Policy, seen: set[str], hops: int) -> End | None:
    if place is None or not place.lower().startswith(("http://", "https://")):
        return "nowhere"
    if policy == "same_host" and not _is_same(place, url):
        return "elsewhere"
    if _plain(place) in seen:
        return "loop"
    return "many" if hops >= MOST else None


def _complete(url: str) -> tuple[str, str, int | None, str, str] | None:
    """What two spellings of one address have in common; None where it is none."""
    try:
        parts = urlsplit(_plain(url))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path or "/", parts.query


def _plain(url: str) -> str:
    return url.partition("#")[0]


def _is_same(one: str, other: str) -> bool:
    hosts = [_host(url) for url in (one, other)]
    return hosts[0] == hosts[1] or all(host in _LOOPBACK for host in hosts)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def misled(found: Redirects) -> Message | None:
    """Say why no answer came at the end of the redirects; None where one did, or where the last exchange says it."""
    texts = {
        "loop": say("redirects in a circle, back to {url}", url=found.to),
        "many": say("more than {most} redirects, the next one to {url}", most=MOST, url=found.to),
        "nowhere": say("redirects to what is no http(s) address: '{url}'", url=found.to),
        "elsewhere": say(
            "redirects to another host, {url}: its answer would prove nothing of this one "
            "(`redirects: any` follows it)",
            url=found.to,
        ),
    }
    return texts.get(found.end)


def redirect_notes(first: str, found: Redirects) -> list[Message]:
    """Tell where the answer came from in the end."""
    if not found.hops:
        return []
    urls = [first, *(hop.url for hop in found.hops)]
    notes = [say("{first} redirects: the answer is that of {last}", first=first, last=urls[-1])]
    if any(one.startswith("https:") and other.startswith("http:") for one, other in pairwise(urls)):
        notes.append(say("a redirect leads from https to http: what follows is not encrypted"))
    if not _is_same(first, urls[-1]):
        notes.append(say("the answer is that of another host"))
    return notes
