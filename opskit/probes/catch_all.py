"""Does any path get the same answer? Then a good health route proves nothing. Pure; for the probe `http`.

Pages that are made anew for each request differ in a nonce, a time, the path that was asked. What changes by itself
shows in two answers to two paths that cannot exist: an answer that differs from theirs no more than they do from each
other is theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from opskit.model.regex import regex
from opskit.probes.exchange_evidence import Exchange

_WORDS = regex(r"[\w+/=.:-]+|[^\w\s]")
_MOST_WORDS = 1500
_MARGIN = 200
_CUT_WORDS = 20
KEPT = 4096
"""So many characters of a body are kept, and compared."""
_LOOSE = 0.02
_UNLIKE = 0.6
# What nobody repeats: times, long numbers, random names; and the attributes that carry a nonce.
_VOLATILE = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b(?=[a-f]*\d)[0-9a-f]{12,}\b|\b\d{6,}(?:\.\d+)?\b"
    r"|(?:(?<=nonce=\")|(?<=nonce-)|(?<=nonce='))[\w+/=-]{4,}"
)


def is_like(asked: Exchange, decoy: Exchange) -> bool:
    """Whether two answers are so alike that it takes a third to tell them apart."""
    if _form(asked) != _form(decoy) or _same(asked, decoy):
        return False
    return _ratio(_words(asked), _words(decoy)) > _UNLIKE


def is_catch_all(asked: Exchange, decoy: Exchange, again: Exchange | None, sizes: Sequence[int] = ()) -> bool | None:
    """Whether the answer is the one that a path gets which cannot exist; None where no answers are there to compare.

    `again` is the answer to a second such path; `sizes` are the lengths of the first two bodies, of which only the
    beginnings are kept.
    """
    if asked.failure is not None or decoy.failure is not None:
        return None
    if _form(asked) != _form(decoy) or _apart(sizes):
        return False
    if _same(asked, decoy):
        return True
    if again is None or again.failure is not None or _form(again) != _form(decoy):
        return False
    ours, theirs, others = _words(asked), _words(decoy), _words(again)
    if len(theirs) == len(others):
        changing = [one != other for one, other in zip(theirs, others, strict=True)]
        return len(ours) == len(theirs) and all(
            changes or one == other for changes, one, other in zip(changing, ours, theirs, strict=True)
        )
    return _ratio(ours, theirs) >= _ratio(theirs, others) - _LOOSE


def _apart(sizes: Sequence[int]) -> bool:
    """Whether two long bodies differ in length by more than what is made anew each time."""
    return len(sizes) == 2 and min(sizes) > KEPT and abs(sizes[0] - sizes[1]) > max(_MARGIN, min(sizes) // 20)


def _form(answer: Exchange) -> tuple[int | None, str]:
    return answer.status, answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _same(one: Exchange, other: Exchange) -> bool:
    if one.body == other.body:
        return True
    ours, theirs = _settled(one), _settled(other)
    if min(len(one.body), len(other.body)) >= KEPT:
        # Both were cut, each at another place of its text: what is near the end is not compared.
        end = min(len(ours), len(theirs)) - _MARGIN
        return ours[:end] == theirs[:end]
    return ours == theirs


def _settled(answer: Exchange) -> str:
    """The body without the path that was asked, and without what is new each time."""
    path = urlsplit(answer.url).path.strip("/")
    body = answer.body
    if len(path) > 1:
        # As a word of its own: the path of a health route may be part of others.
        body = re.sub(rf"(?<![\w-]){re.escape(path)}(?![\w-])", "*", body)
    return re.sub(_VOLATILE, "*", body)  # seldom needed, so not compiled at the import


def _words(answer: Exchange) -> list[str]:
    words = _WORDS.findall(_settled(answer))[:_MOST_WORDS]
    return words[:-_CUT_WORDS] if len(answer.body) >= KEPT else words


def _ratio(one: list[str], other: list[str]) -> float:
    """The share of words that both have, whatever their order: a page may be made to cost more than that."""
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / max(len(one) + len(other), 1)
