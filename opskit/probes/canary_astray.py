"""Whether the canary met what it should: the gateway behind Nginx, and a gateway at the address of one. Pure."""

from __future__ import annotations

from opskit.probes.canary_asks import Canary
from opskit.probes.canary_leg import ELSEWHERE, Leg
from opskit.probes.endings_words import BREAKER, tells_of_upstream
from opskit.probes.latency_told import OWN_TROUBLE
from opskit.probes.standard_question import Asked

_FAST_S = 0.35
"""Too fast for a model."""


def is_astray(found: Canary, told: dict[str, Leg]) -> bool | None:
    """Whether the gateway answers the question whole, and Nginx, asked the same, does not.

    None where only one of them was asked, or Nginx turned opskit away by its key or limit, or the words still came.
    """
    nginx, gateway = found.nginx, told.get("gateway")
    if nginx is None or gateway is None or nginx.exchange.status in OWN_TROUBLE or told["nginx"].flows:
        return False if nginx is not None and nginx.whole else None
    return gateway.whole is True and not nginx.whole


def is_other(found: Canary) -> bool | None:
    """Whether something else than a gateway stands at its address: it knows no such route, or shows a web page.

    A model that is missing is a 404 of a gateway, and says so; JSON comes from a gateway as well.
    """
    asked = found.gateway
    if asked is None:
        return False if found.nginx is not None and found.nginx.whole else None
    answer = asked.exchange
    if answer.failure is not None:
        return answer.failure.kind == "protocol" and answer.status is None
    is_json = "json" in answer.headers.get("content-type", "").lower()
    if asked.chunks or is_json or "model" in asked.error.lower():
        return False
    is_page = answer.status == 200 and "html" in answer.headers.get("content-type", "").lower()
    return is_page or answer.status in ELSEWHERE


def failed_alone(found: Canary) -> bool | None:
    """Whether the gateway failed by itself: at once with an error, by hanging up, or in the middle of an answer.

    None where it was not asked. What it says of the model server, or of its breaker, is no failure of its own.
    """
    asked = found.gateway
    if asked is None:
        return False if found.nginx is not None and found.nginx.whole else None
    if is_other(found) or tells_of_upstream(asked.error) or BREAKER.search(asked.error.lower()):
        return False
    return _at_once(asked) or _hung_up(asked) or _broke_off(asked)


def _at_once(asked: Asked) -> bool:
    status = asked.exchange.status or 0
    fast = asked.exchange.phases.get("total_s", 1.0) < _FAST_S
    return fast and (status >= 500 or (status == 200 and bool(asked.error) and not asked.chunks))


def _hung_up(asked: Asked) -> bool:
    failure = asked.exchange.failure
    return failure is not None and failure.kind == "reset" and asked.exchange.status is None


def _broke_off(asked: Asked) -> bool:
    """The stream is over, by nobody's hurry, and neither the end mark nor a reason for the end came."""
    return asked.chunks > 0 and not asked.done and not asked.exchange.timed_out and not asked.finish
