"""The words around a standard question: what came of it, why it was no answer, and whose trouble that is."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.probes.answer import failed
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.standard_question import Asked

OWN_TROUBLE = frozenset({401, 403, 429})
"""With these the gateway turned opskit itself away: nothing was seen of what users get."""


def own_trouble(asked: Asked, api_key_file: str | None) -> Message:
    """Say why opskit's own question was turned away, and what to do about it."""
    status = asked.exchange.status or 0
    if status == 403:
        return say(
            "the gateway does not let opskit in (403): '{text}'; look at its list of addresses and at opskit's key",
            text=asked.error,
        )
    if status == 429:
        return say("the gateway limits opskit's own question (429): give it a key of its own with a higher limit")
    if asked.key_problem:
        return say("the gateway asks for a key ({status}): {problem}", status=status, problem=asked.key_problem)
    if asked.with_key:
        return say(
            "the gateway refuses opskit's own key ({status}): check the key in {file}",
            status=status,
            file=api_key_file or "",
        )
    return say(
        "the gateway asks for a key ({status}) and none is configured: set stack.gateway.api_key_file", status=status
    )


def broken(asked: Asked) -> Message:
    """Say why what came is no whole answer."""
    found = asked.exchange
    wrong = wrong_answer(found, asked.error)
    if wrong is not None:
        return wrong
    if not asked.chunks:
        return say("{url} answered 200 without a word of content", url=found.url)
    return say(
        "the stream of {url} broke off after {chunks} chunks, without its end mark", url=found.url, chunks=asked.chunks
    )


def wrong_answer(found: Exchange, error: str) -> Message | None:
    """Say what is wrong with an answer by its status, its own words (`error`) or its way here; None: nothing is."""
    if found.status is not None and found.status != 200:
        return say("{url} answered {status}: {text}", url=found.url, status=found.status, text=error)
    if error:
        return say("the stream of {url} ended in an error: {text}", url=found.url, text=error)
    return None if found.failure is None else failed(found)


def line_of(asked: Asked) -> str:
    """Return the exchange in one line, as evidence."""
    found = asked.exchange
    if found.status is None and found.failure is not None:
        return f"{found.failure.kind} at {found.failure.stage}: {found.failure.text}"
    first = "no token" if asked.first_token_s is None else f"first token after {asked.first_token_s:.2f} s"
    end = "complete" if asked.done else "not complete"
    return f"HTTP {found.status}, {first}, {asked.chunks} chunks, {end}, {found.phases.get('total_s', 0):.2f} s"
