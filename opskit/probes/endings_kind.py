"""How one request ended at the gateway, as a kind of failure. Pure.

Status and time come first, because they are the same in every gateway; words only tell apart what these leave open.
"""

from __future__ import annotations

import re
from typing import Literal

from opskit.logs.request import Request
from opskit.probes import endings_words as words

Kind = Literal[
    "good",  # a whole answer with words
    "empty",  # a whole answer without a word
    "unspoken",  # tokens were made, and none of them was passed on
    "cut",  # it began, and broke off
    "left",  # whoever asked hung up
    "key",
    "forbidden",
    "limited",
    "too_long",
    "no_model",
    "no_route",
    "bad",  # another 4xx
    "down",  # the model server could not be reached
    "name",  # its name could not be resolved
    "late",  # it was waited for, and did not begin to answer
    "busy",  # it said that it is busy
    "breaker",  # the gateway did not ask it
    "broken",  # another 5xx
    "untold",  # the log does not say how
]
_WAITED_S = 0.9
_LONG_STATUS = {400, 413, 422}
_MODEL_STATUS = {400, 404, 422}
_SMALL = 4096  # characters; what is refused as too large with fewer holds something else
_SIMPLE: dict[int, Kind] = {499: "left", 401: "key", 403: "forbidden"}
_WORDED: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (words.BREAKER, "breaker"),
    (words.BUSY, "busy"),
    (words.NAME, "name"),
    (words.DOWN, "down"),
    (words.LATE, "late"),
)


def kind_of(request: Request, *, tells_first: bool = False, tells_tokens: bool = False) -> Kind:
    """Return how a request ended.

    `tells_first`: of answers such as this one the log says when their first word came; `tells_tokens`: and how many
    tokens they had.
    """
    status, said = request.status, words.said(request.error)
    if status is None:
        return _worded(said) or "untold"
    if 200 <= status < 300:
        return _of_success(request, said, tells_first=tells_first, tells_tokens=tells_tokens)
    if status in _SIMPLE:
        return _SIMPLE[status]
    if 400 <= status < 500:
        return _of_refusal(request, status, said)
    return _of_failure(request, said) if status >= 500 else "untold"


def is_limit(request: Request) -> bool:
    """Whether an answer was cut by whoever logged it, as far as its record says: by a time limit, not by a death."""
    said = words.said(request.error)
    if words.LATE.search(said):
        return True
    return request.status in {408, 504} and not words.DIED.search(said)


def _of_success(request: Request, said: str, *, tells_first: bool, tells_tokens: bool) -> Kind:
    if words.LEFT.search(said):
        return "left"
    if said or request.complete is False:
        return "cut"
    if request.completion_tokens == 0:
        # Of streams some gateways do not learn how many tokens they had, and write 0.
        return "empty" if tells_tokens and request.prompt_tokens != 0 else "good"
    if tells_first and request.first_byte_s is None and request.completion_tokens:
        return "unspoken"
    return "good"


def _of_refusal(request: Request, status: int, said: str) -> Kind:
    if status == 429:
        return "breaker" if words.BREAKER.search(said) else "limited"
    if status == 408:
        return "late"
    if status in _LONG_STATUS and words.is_long(said):
        return "too_long"
    if status == 413:
        return "too_long" if (request.prompt_chars or _SMALL) >= _SMALL else "bad"
    if status in _MODEL_STATUS and words.MODEL.search(said):
        return "no_model"
    return "no_route" if status in {404, 405} else "bad"


def _of_failure(request: Request, said: str) -> Kind:
    if words.LEFT.search(said):
        return "left"
    if request.first_byte_s is not None:
        return "cut"
    return _worded(said) or ("late" if (request.duration_s or 0.0) >= _WAITED_S else "broken")


def _worded(said: str) -> Kind | None:
    return next((kind for pattern, kind in _WORDED if pattern.search(said)), None)
