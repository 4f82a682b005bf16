"""What two looks at a runner's places tell. Pure; the looks are taken by `runner`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from opskit.logs.redact import redact
from opskit.model.typed import prepared
from opskit.probes.base import Whole
from opskit.probes.exchange import Exchange

_LOADING = 503
_READY = 200
_KEPT = 200
_GREW_BYTES = 1 << 20
_GREW_S = 0.05
_BEGINS_S = 1.0


class Facts(msgspec.Struct, frozen=True):
    """`advancing`: a place that is at work made tokens, or read its prompt, between two looks; None where none is, and
    where none did while its process used the processor: a long prompt is told of only in large parts.

    `timed_out`: a runner takes connections and does not answer. `most_decoded` and `least_decoded` are the tokens of
    the longest and the shortest answer that are being made. `loading`: a runner says that it is reading the model;
    `load_advancing`: its memory or processor time grew meanwhile; None where the load was broken off between the looks,
    and where the process grew in its first second: so does each that begins. `load_unclear`: a model is being read, and
    that is so.
    """

    runners: int | None = None
    answered: bool | None = None
    timed_out: bool | None = None
    slots: int | None = None
    busy: int | None = None
    advancing: bool | None = None
    most_decoded: int | None = None
    least_decoded: int | None = None
    context: int | None = None
    loading: bool | None = None
    load_advancing: bool | None = None
    load_unclear: bool | None = None


class Work(msgspec.Struct, frozen=True):
    """What a process has used so far: resident bytes and seconds of processor time, and since when it runs."""

    resident: Whole
    cpu_s: float
    age_s: float | None = None


class Look(msgspec.Struct, frozen=True):
    """Two looks at a runner's places."""

    port: Whole
    first: Exchange
    second: Exchange | None = None
    work_before: Work | None = None
    work_after: Work | None = None


class Looks(msgspec.Struct, frozen=True):
    """The evidence; `all_seen`: the server's process could be seen, so that there is no other runner of it."""

    looks: tuple[Look, ...] = ()
    all_seen: bool = False


class _Next(msgspec.Struct):
    n_decoded: Whole = 0


class _Slot(msgspec.Struct):
    """Of tools/server of llama.cpp; `next_token` was an object before it became a list."""

    id: Whole = 0
    n_ctx: Whole = 0
    is_processing: bool = False
    id_task: Whole = -1
    n_prompt_tokens_processed: Whole = 0
    next_token: list[_Next] | _Next | None = None

    @property
    def decoded(self) -> int:
        """Tokens of the answer so far."""
        told = self.next_token
        if isinstance(told, list):
            return max((item.n_decoded for item in told), default=0)
        return told.n_decoded if told else 0


UNSEEN = Facts(load_unclear=False)
NO_RUNNER = Facts(
    runners=0,
    timed_out=False,
    slots=0,
    busy=0,
    advancing=False,
    loading=False,
    most_decoded=0,
    load_unclear=False,
)


def facts_of(looks: Sequence[Look]) -> Facts:
    """Return what the looks tell; at least one was taken."""
    pairs = [(slots_of(look.first), slots_of(look.second)) for look in looks]
    told = [(first, second) for first, second in pairs if first is not None]
    loading, advancing = any(is_loading(look.first) for look in looks), _load_advancing(looks)
    common = Facts(
        runners=len(looks),
        answered=any(look.first.status is not None for look in looks),
        timed_out=any(look.first.timed_out or bool(look.second and look.second.timed_out) for look in looks),
        loading=loading,
        load_advancing=advancing,
        load_unclear=loading and advancing is None,
    )
    if not told:
        return common
    newest = [slot for first, second in told for slot in (second or first)]
    return msgspec.structs.replace(
        common,
        slots=len(newest),
        busy=sum(slot.is_processing for slot in newest),
        advancing=_advancing(looks),
        most_decoded=max((slot.decoded for slot in newest if slot.is_processing), default=0),
        least_decoded=min((slot.decoded for slot in newest if slot.is_processing), default=0),
        context=min((slot.n_ctx for slot in newest if slot.n_ctx), default=None),
    )


def _advancing(looks: Sequence[Look]) -> bool | None:
    told = [answer for look in looks if (answer := _gets_on(look)) is not None]
    if not told:
        return None
    quiet = not any(_used(look) for look in looks if _gets_on(look) is False)
    return True if any(told) else False if quiet else None


def _gets_on(look: Look) -> bool | None:
    """Whether a place of one runner that was at work got on; None where none was at work at both looks."""
    before = {slot.id: slot for slot in slots_of(look.first) or [] if slot.is_processing}
    after = {slot.id: slot for slot in slots_of(look.second) or []}
    both = [(slot, after[key]) for key, slot in before.items() if key in after]
    if not both:
        return None
    return any(
        not later.is_processing
        or later.id_task != slot.id_task
        or later.decoded > slot.decoded
        or later.n_prompt_tokens_processed > slot.n_prompt_tokens_processed
        for slot, later in both
    )


def _used(look: Look) -> bool:
    """Whether the process computed between the looks."""
    if look.work_before is None or look.work_after is None:
        return False
    return look.work_after.cpu_s - look.work_before.cpu_s >= _GREW_S


def is_loading(asked: Exchange) -> bool:
    """Whether it says so: while it loads, llama-server answers every path with 503 and "Loading model"."""
    return asked.status == _LOADING and "loading" in asked.body.lower()


def _load_advancing(looks: Sequence[Look]) -> bool | None:
    told = [answer for look in looks if is_loading(look.first) and (answer := _load_gets_on(look)) is not None]
    return any(told) if told else None


def _load_gets_on(look: Look) -> bool | None:
    if look.second is not None and look.second.status == _READY:
        return True  # it has just ended
    before, after = look.work_before, look.work_after
    if before is None or after is None:
        return None
    if after.resident - before.resident < _GREW_BYTES and not _used(look):
        return False
    return None if begins(before) else True


def begins(work: Work | None) -> bool:
    """Whether a process has only just begun: what it takes then is no sign yet that its load gets on."""
    return work is not None and work.age_s is not None and work.age_s < _BEGINS_S


def is_load_still(look: Look) -> bool:
    """Whether a load did not get on between the looks, as far as is known."""
    return _load_advancing([look]) is False


def slots_of(found: Exchange | None) -> list[_Slot] | None:
    """Return the places, None where the runner did not tell."""
    if found is None or found.status != _READY:
        return None
    try:
        return msgspec.json.decode(found.body, type=prepared(list[_Slot]))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def kept(found: Exchange) -> Exchange:
    """Return it without what is not judged: older servers show the prompts of users beside each place."""
    slots = slots_of(found)
    body = redact(found.body)[:_KEPT] if slots is None else msgspec.json.encode(slots).decode()
    if found.status == _READY and slots is None:
        body = ""
    return msgspec.structs.replace(found, body=body, headers={})


def line_of(look: Look) -> str:
    """Return a look in one line, as evidence."""
    slots = slots_of(look.second) or slots_of(look.first)
    if slots is None:
        return f"HTTP {look.first.status}"
    busy = [slot for slot in slots if slot.is_processing]
    made = ", ".join(str(slot.decoded) for slot in busy[:8])
    return f"{len(busy)} of {len(slots)} at work" + (f", tokens so far: {made}" if busy else "")
