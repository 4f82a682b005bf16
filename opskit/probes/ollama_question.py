"""The standard question straight to Ollama, which tells what its time was spent on: loading, waiting, prompt, answer.

Field meanings: Ollama's server/routes.go and docs/api.md. `load_duration` holds the scheduler's wait too, and waiting
behind other users' answers is in none of the durations: it is what is left of the total (baseline.md section 5).
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from opskit.logs.redact import redact
from opskit.model.typed import prepared
from opskit.probes.base import Deadline, OwnLimitError, Whole
from opskit.probes.exchange import Exchange, Target, exchange
from opskit.probes.ollama_api import Model, models_of, named, version_of
from opskit.probes.standard_question import SEED, Question, Told

_COLD_S = 1.0
_LOOK = 0.2  # of the time, for the question what is loaded


class Durations(msgspec.Struct, frozen=True):
    """What Ollama says at the end of an answer; durations in nanoseconds, None where a version leaves one out."""

    total_duration: Whole | None = None
    load_duration: Whole | None = None
    prompt_eval_count: Whole | None = None
    prompt_eval_duration: Whole | None = None
    eval_count: Whole | None = None
    eval_duration: Whole | None = None
    done_reason: str | None = None


class OllamaAsked(msgspec.Struct, frozen=True):
    """The evidence: the exchange without its body, when the first content came (seconds), the durations of the end.

    `digest`, `context` and `version` say what answered: values that were measured with others are not compared.
    `loaded_before` is None where Ollama did not tell; `thoughts` are those of the `pieces` that held no answer yet.
    """

    exchange: Exchange
    first_token_s: float | None = None
    told: Durations | None = None
    error: str = ""
    digest: str = ""
    context: Whole | None = None
    version: str = ""
    loaded_before: bool | None = None
    last_token_s: float | None = None
    pieces: Whole = 0
    thoughts: Whole = 0

    @property
    def whole(self) -> bool:
        """True where an answer with content came to its end."""
        good = self.exchange.status == 200 and self.exchange.failure is None and not self.error
        return good and self.told is not None and not self.empty

    @property
    def empty(self) -> bool:
        """True where the end came without a word."""
        return self.told is not None and self.first_token_s is None and not self.told.eval_count

    @property
    def load_s(self) -> float | None:
        """Seconds until the model was ready; some hundredths where it was loaded already."""
        return _seconds(self.told.load_duration) if self.told else None

    @property
    def cold(self) -> bool:
        """True where the model had to be loaded for this question."""
        return (self.load_s or 0.0) > _COLD_S

    @property
    def prompt_s(self) -> float | None:
        """Seconds for the part of the prompt that no cache knew."""
        return _seconds(self.told.prompt_eval_duration) if self.told else None

    @property
    def decode_s(self) -> float | None:
        """Seconds for the tokens of the answer."""
        return _seconds(self.told.eval_duration) if self.told else None

    @property
    def token_s(self) -> float | None:
        """Seconds a token, from two tokens on: the speed of the hardware, whoever else is waiting."""
        count = (self.told.eval_count or 0) if self.told else 0
        return self.decode_s / count if self.decode_s and count > 1 else None

    @property
    def queue_s(self) -> float | None:
        """Seconds that none of the durations accounts for: waiting behind others, and a little overhead."""
        total = _seconds(self.told.total_duration) if self.told else None
        parts = (self.load_s, self.prompt_s, self.decode_s)
        if total is None or None in parts:
            return None
        return max(0.0, total - sum(part for part in parts if part is not None))


def put_to_ollama(
    question: Question, base: str, deadline: Deadline, num_ctx: int | None = None, told: Told | None = None
) -> OllamaAsked:
    """Ask once; a failure is evidence. Afterwards ask what answered, which only says so while it is loaded.

    `told` hears when the first word has come.
    """
    base = base.rstrip("/")
    before = _loaded(base, Deadline(deadline.left * _LOOK))
    context = {} if num_ctx is None else {"num_ctx": num_ctx}
    payload: dict[str, object] = {
        "model": question.model,
        "messages": question.messages(),
        "stream": True,
        "think": False,
        # Of the runner's own options only what the gateway sets too: any other value would load the model again
        # (server/sched.go, needsReload). What /api/ps tells is no guide: some versions multiply it by their slots.
        "options": {"temperature": 0, "seed": SEED, "num_predict": question.max_tokens, **context},
    }
    ear = _Ear(told)
    found = exchange(Target(base + "/api/chat", payload), deadline, ear.hear)
    error = "" if found.status in {200, None} else redact(found.body[:500])
    kept = msgspec.structs.replace(found, body="", headers={})
    was_loaded = None if before is None else named(before, question.model) is not None
    asked = OllamaAsked(
        kept,
        ear.first_token_s,
        ear.told,
        error or ear.error,
        loaded_before=was_loaded,
        last_token_s=ear.last_token_s,
        pieces=ear.pieces,
        thoughts=ear.thoughts,
    )
    return _identified(asked, question.model, base, deadline) if asked.whole else asked


def _more(url: str, deadline: Deadline) -> Exchange | None:
    """None where no time is left, or this host does not let us: what was answered stands all the same."""
    with suppress(OwnLimitError):
        return exchange(Target(url), deadline) if deadline.left else None
    return None


def _loaded(base: str, deadline: Deadline) -> list[Model] | None:
    found = _more(base + "/api/ps", deadline)
    return models_of(found) if found is not None else None


def _identified(asked: OllamaAsked, model: str, base: str, deadline: Deadline) -> OllamaAsked:
    loaded, told = named(_loaded(base, deadline) or [], model), _more(base + "/api/version", deadline)
    version = version_of(told) if told is not None else None
    return msgspec.structs.replace(
        asked,
        digest=loaded.digest[:12] if loaded else "",
        context=loaded.context_length if loaded else None,
        version=version or "",
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None or nanoseconds < 0 else nanoseconds / 1e9


class _Chunk(msgspec.Struct):
    message: dict[str, object] | None = None
    done: bool = False
    error: object = None


class _Ear:
    """Listens to lines of JSON: notes the first content, keeps what the last line tells."""

    def __init__(self, told: Told | None) -> None:
        self.first_token_s: float | None = None
        self.last_token_s: float | None = None
        self.pieces = self.thoughts = 0
        self.told: Durations | None = None
        self.error = ""
        self._begun = told

    def hear(self, line: bytes, seconds: float) -> bool:
        try:
            chunk = msgspec.json.decode(line, type=prepared(_Chunk))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        self.told = _durations(line) if chunk.done else self.told
        if chunk.error:
            self.error = redact(str(chunk.error)[:500])
        said = chunk.message or {}
        if said.get("content") or said.get("thinking"):
            self._note(seconds, thought=not said.get("content"))
        return chunk.done

    def _note(self, seconds: float, *, thought: bool) -> None:
        self.pieces += 1
        self.thoughts += thought
        self.last_token_s = seconds
        if self.first_token_s is None:
            self.first_token_s = seconds
            if self._begun is not None:
                self._begun("first")


def _durations(line: bytes) -> Durations:
    """Return what the end tells; durations that are none make it no less an end."""
    try:
        return msgspec.json.decode(line, type=prepared(Durations))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Durations()
