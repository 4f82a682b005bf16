"""The standard question: a short prompt through the gateway's OpenAI route, timed to the first token and to the end.

Written so that it neither reloads nor pins the model: no runner options and no keep_alive, thinking off, temperature 0,
a fixed seed and length, and a nonce at the start so that no cached prefix flatters the time (baseline.md section 5).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import OWN_REQUEST, failed, pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, Whole, as_facts
from opskit.probes.exchange import Exchange, Target, exchange
from opskit.probes.secret import secret_of

ROUTE = "/v1/chat/completions"
_OWN_TROUBLE = frozenset({401, 403, 429})


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of whom. `api_key_file` is a path or `$NAME`; without it the question goes out without a key."""

    url: str = ""
    model: str = "qwen3:32b"
    prompt: str = "Count from one to ten in words."
    max_tokens: int = 16
    api_key_file: str | None = None
    key_header: str = "X-Api-Key"


class Facts(msgspec.Struct, frozen=True):
    """`answered`: a whole answer with content came. None where opskit's own key or limit stood in the way.

    `seen` is True where `answered` is; False says nothing by itself.
    """

    answered: bool | None = None
    seen: bool | None = None
    refused: bool | None = None
    timed_out: bool | None = None
    status: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    chunks: int | None = None


class Asked(msgspec.Struct, frozen=True):
    """The evidence: the exchange without its body, what the stream carried, and whether a key went along."""

    exchange: Exchange
    chunks: Whole
    first_token_s: float | None
    done: bool
    with_key: bool
    error: str = ""
    key_problem: str = ""


class _Chunk(msgspec.Struct):
    """One event of the stream, as far as it matters: content or reasoning in a delta or a message, or an error."""

    choices: list[dict[str, object]] | None = None
    error: object = None


class LatencyProbe(Probe[Args]):
    """Asks the standard question and listens to the stream."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"answered", "first_token_s", "total_s"})

    def defaults(self, settings: Settings) -> Args:
        """The gateway's OpenAI route with the configured model and key."""
        gateway = settings.stack.gateway
        url = gateway.url.rstrip("/") + ROUTE
        model = settings.stack.ollama.model
        return Args(url, model, api_key_file=gateway.api_key_file, key_header=gateway.key_header)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask once; a failure is evidence."""
        deadline.enter(say("read the API key"))
        headers = {"X-Request-Id": OWN_REQUEST + secrets.token_hex(8)}
        key_problem = ""
        if args.api_key_file:
            try:
                headers[args.key_header] = secret_of(args.api_key_file, os.environ)
            except ProbeError as reason:  # the question goes out all the same: whether it is refused tells something
                key_problem = str(reason)
        payload: dict[str, object] = {
            "model": args.model,
            "messages": [{"role": "user", "content": f"[{secrets.token_hex(4)}] {args.prompt}"}],
            "max_tokens": args.max_tokens,
            "temperature": 0,
            "seed": 7,
            "stream": True,
            "think": False,
        }
        ear = _Ear()
        found = exchange(Target(args.url, payload, headers), deadline, ear.hear)
        if found.failure is None:
            ear.read_whole(found.body, found.phases["total_s"])
        error = "" if found.status in {200, None} else redact(found.body[:500])
        kept = msgspec.structs.replace(found, body="", headers={})
        with_key = args.key_header in headers
        asked = Asked(kept, ear.chunks, ear.first_token_s, ear.done, with_key, error or ear.error, key_problem)
        return (pack("latency.json", asked, found.url),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Tell a whole answer from a broken one, and both from opskit's own trouble."""
        asked, at = unpack(raws, Asked), now.timestamp()
        found = asked.exchange
        if found.status in _OWN_TROUBLE:
            return _in_own_way(asked, args, at)
        whole = found.status == 200 and asked.done and asked.chunks > 0 and found.failure is None and not asked.error
        facts = Facts(
            answered=whole,
            seen=whole,
            refused=found.refused,
            timed_out=found.timed_out,
            status=found.status,
            first_token_s=asked.first_token_s,
            total_s=found.phases.get("total_s") if whole else None,
            chunks=asked.chunks,
        )
        samples = [Sample("answered", float(whole), at=at)]
        if whole:
            samples.append(Sample("first_token_s", asked.first_token_s, "s", at=at))
            samples.append(Sample("total_s", facts.total_s, "s", at=at))
        line = Evidence(found.url, _line(asked), at=at)
        why = {} if whole else dict.fromkeys(("answered", "status", "first_token_s", "total_s"), _broken(asked))
        return Reading(as_facts(facts), dict.fromkeys(as_facts(facts), (line,)), why, tuple(samples))


def _in_own_way(asked: Asked, args: Args, at: float) -> Reading:
    """opskit was turned away itself: nothing was seen, and nothing is said about users."""
    facts = Facts(seen=False, refused=False, timed_out=False, status=asked.exchange.status)
    reason = _own_trouble(asked, args)
    why = dict.fromkeys(("answered", "first_token_s", "total_s", "chunks"), reason)
    line = (Evidence(asked.exchange.url, _line(asked), at=at),)
    return Reading(as_facts(facts), {"status": line}, why, (Sample("answered", None, at=at),))


class _Ear:
    """Listens to a stream of server-sent events (or one JSON body): counts chunks with content, notes the first."""

    def __init__(self) -> None:
        self.chunks = 0
        self.first_token_s: float | None = None
        self.done = False
        self.error = ""

    def hear(self, line: bytes, seconds: float) -> bool:
        data = line.strip().removeprefix(b"data:").strip()
        if data == b"[DONE]":
            self.done = True
            return True
        if not data.startswith(b"{"):
            return False
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if chunk.error:
            self.error = redact(str(chunk.error)[:500])
        choices = chunk.choices or []
        if any(_content(choice) for choice in choices):
            self.chunks += 1
            self.first_token_s = seconds if self.first_token_s is None else self.first_token_s
        # A gateway that answers without streaming sends one object with a whole message.
        self.done = self.done or any("message" in choice for choice in choices)
        return False

    def read_whole(self, body: str, seconds: float) -> None:
        """Take an answer for one JSON object over several lines, where line by line nothing was understood."""
        if not (self.chunks or self.done or self.error):
            self.hear(" ".join(body.split("\n")).encode(), seconds)


def _content(choice: dict[str, object]) -> bool:
    said = choice.get("delta") or choice.get("message")
    fields = ("content", "reasoning", "reasoning_content", "thinking")
    return isinstance(said, dict) and any(said.get(field) for field in fields)


def _own_trouble(asked: Asked, args: Args) -> Message:
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
            file=args.api_key_file or "",
        )
    return say(
        "the gateway asks for a key ({status}) and none is configured: set stack.gateway.api_key_file", status=status
    )


def _broken(asked: Asked) -> Message:
    found = asked.exchange
    if found.status is not None and found.status != 200:
        return say("{url} answered {status}: {text}", url=found.url, status=found.status, text=asked.error)
    if asked.error:
        return say("the stream of {url} ended in an error: {text}", url=found.url, text=asked.error)
    if found.failure is not None:
        return failed(found)
    if not asked.chunks:
        return say("{url} answered 200 without a word of content", url=found.url)
    return say(
        "the stream of {url} broke off after {chunks} chunks, without its end mark", url=found.url, chunks=asked.chunks
    )


def _line(asked: Asked) -> str:
    found = asked.exchange
    if found.status is None and found.failure is not None:
        return f"{found.failure.kind} at {found.failure.stage}: {found.failure.text}"
    first = "no token" if asked.first_token_s is None else f"first token after {asked.first_token_s:.2f} s"
    end = "complete" if asked.done else "not complete"
    return f"HTTP {found.status}, {first}, {asked.chunks} chunks, {end}, {found.phases.get('total_s', 0):.2f} s"
