"""The health routes of OpenClaw, which Clawdbot became: recognised by what they answer, and what that means.

Measured on openclaw 2026.9.6: /health and /healthz answer `{"ok":true,"status":"live"}`, /ready and /readyz
`{"ready":...,"failing":[...],...}` (503 when not ready), every other path the page of the Control UI with 200. All of
them stay green while the model server is down. Clawdbot 2026.1.24 has no health route at all: any path is the page.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from opskit.model.message import Message, say
from opskit.probes.base import Deadline
from opskit.probes.exchange import Exchange, Target, exchange

LIVE, READY = "/healthz", "/readyz"
_MOST_NAMES = 5
_LONGEST = 60


class Readiness(msgspec.Struct, frozen=True):
    """What /readyz says; `failing` are the parts that it names."""

    ready: bool
    failing: tuple[str, ...] = ()


def is_live(answer: Exchange) -> bool:
    """Whether this is the answer of a live OpenClaw, by what it says and not by its status."""
    found = _object(answer)
    return found.get("ok") is True and found.get("status") == "live"


def readiness(answer: Exchange | None) -> Readiness | None:
    """What a readiness route says, None where it is none."""
    found = _object(answer) if answer is not None else {}
    ready, failing = found.get("ready"), found.get("failing")
    if not isinstance(ready, bool):
        return None
    names = failing if isinstance(failing, list) else []
    return Readiness(ready, tuple(str(name)[:_LONGEST] for name in names))


def _object(answer: Exchange) -> dict[str, Any]:
    if answer.failure is not None or answer.status not in {200, 503}:
        return {}
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return {}
    return found if isinstance(found, dict) else {}


def routes(url: str, asked: Exchange, deadline: Deadline, *, is_page: bool, verify: bool) -> dict[str, Exchange]:
    """Ask the routes that tell more than `asked` did: of a live OpenClaw its readiness, of a mere page both."""
    path = urlsplit(url).path
    wanted = [READY] if is_live(asked) else [LIVE, READY] if is_page else []
    found = dict[str, Exchange]()
    for route in wanted:
        if route != path and deadline.left:
            found[route] = exchange(Target(_root(url) + route, verify=verify), deadline)
            if route == LIVE and not is_live(found[route]):
                break
    return found


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def not_ready(found: Readiness, url: str) -> Message:
    """Say that it is not ready, and by which of its parts."""
    if not found.failing:
        return say("{url} says that it is not ready", url=url)
    names = ", ".join(found.failing[:_MOST_NAMES])
    if len(found.failing) > _MOST_NAMES:
        names += ", ..."
    return say("{url} says that it is not ready: {names}", url=url, names=names)


def better_route(found: dict[str, Exchange]) -> Message | None:
    """Of a route that proves nothing: say which one would; None where the better ones were not asked."""
    live = found.get(LIVE)
    if live is None or live.failure is not None:
        return None
    if is_live(live):
        return say("this is OpenClaw: ask {url} (`stack.clawdbot.health_path: {path}`)", url=live.url, path=LIVE)
    return say(
        "{path} is no health route here either; Clawdbot 2026.1 has none over HTTP: `clawdbot health --json` asks it",
        path=LIVE,
    )


def openclaw_note(asked: Exchange, found: dict[str, Exchange]) -> Message | None:
    """Say what a good answer of OpenClaw proves, and what it does not."""
    ready = found.get(READY)
    if is_live(asked) and readiness(ready) is not None and ready is not None:
        return say(
            "answers as OpenClaw does: {url} says that it lives, {ready} whether its parts are ready; neither asks the "
            "model, the check `latency` does",
            url=asked.url,
            ready=ready.url,
        )
    if is_live(asked):
        return say(
            "answers as OpenClaw does, but without {ready}: {url} says that it lives, and nothing of the model",
            ready=READY,
            url=asked.url,
        )
    if readiness(asked) is not None:
        return say("answers as the readiness route of OpenClaw does: it tells of its parts, and not of the model")
    return None
