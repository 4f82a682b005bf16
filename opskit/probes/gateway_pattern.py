"""What the failures of one status mean, told by who met them: a key that was changed is not somebody who guesses keys.

Only what the log shows is said: who was served before, with which keys (their names or fingerprints), at which address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo

from opskit.logs.episode import Episode, episode
from opskit.logs.redact import redact
from opskit.logs.request import Request
from opskit.model.clock_face import clock_face
from opskit.model.message import Message, say

_TOP = 5
_GUESSES = 5
_SEVERAL = 3
_ALL = 0.8
Pick = Callable[[Request], str | None]


def client_of(request: Request) -> str:
    """The user where the log names one, else the address, else `-`."""
    return request.user or request.client or "-"


def patterns(ended: Sequence[Request], since: float, until: float, zone: tzinfo) -> Iterator[Message]:
    """Yield what each kind of failure amounts to, as far as there are enough of a kind to tell."""
    for kind, chosen in (("401", _is(401)), ("403", _is(403)), ("429", _is(429)), ("5xx", _is_broken)):
        failed = [request for request in ended if chosen(request.status)]
        found = episode([(request.at, client_of(request)) for request in failed], since, until)
        if found is not None:
            yield say("{kind}: {form}", kind=kind, form=_form(found, zone))
            yield from _MEANING.get(kind, _nothing)(ended, failed, zone)


def top(ended: Sequence[Request], status: int) -> Message:
    """Return how many met a status, and who most: by user or address, and by what else the log names."""
    failed = [request for request in ended if request.status == status]
    text = say(
        "{status}: {count} in all; most: {listed}", status=status, count=len(failed), listed=_listed(failed, client_of)
    )
    others = [
        (say("address"), lambda request: request.client if request.user else None),
        (say("key"), lambda request: request.key),
        (say("path"), lambda request: (request.path or "").partition("?")[0] or None),
    ]
    for name, pick in others:
        if listed := _listed(failed, pick, at_least=2):
            text = say("{text}; by {name}: {listed}", text=text, name=name, listed=listed)
    return text


def _listed(requests: Sequence[Request], pick: Pick, at_least: int = 1) -> str:
    counts = Counter(found for request in requests if (found := pick(request)))
    several = [item for item in counts.items() if item[1] >= at_least]
    ranked = sorted(several, key=lambda item: (-item[1], item[0]))[:_TOP]
    return ", ".join(f"{redact(name)} {count}" for name, count in ranked)


def _is(status: int) -> Callable[[int | None], bool]:
    return lambda found: found == status


def _is_broken(status: int | None) -> bool:
    return status is not None and 500 <= status < 600


def _good(request: Request) -> bool:
    return request.status is not None and 200 <= request.status < 300


def _form(found: Episode, zone: tzinfo) -> Message:
    begin, end = (clock_face(at, zone).isoformat(sep=" ", timespec="minutes")[:16] for at in (found.begin, found.end))
    if found.shape == "burst":
        when = say(
            "a burst, {n} of {all} from {begin} to {end}", n=found.within, all=found.number, begin=begin, end=end
        )
    elif found.shape == "rise":
        when = say("a slow rise, {all} from {begin} to {end}", all=found.number, begin=begin, end=end)
    else:
        when = say("{all} spread from {begin} to {end}", all=found.number, begin=begin, end=end)
    if found.noisy is not None:
        return say("{when}, nearly all by one client: {client}", when=when, client=redact(found.noisy))
    return say("{when}, by {n} clients", when=when, n=found.clients)


def _nothing(_ended: Sequence[Request], _failed: Sequence[Request], _zone: tzinfo) -> Iterator[Message]:
    yield from ()


def _unauthorised(ended: Sequence[Request], failed: Sequence[Request], zone: tzinfo) -> Iterator[Message]:
    """Guessing, a key that was changed, or a client with a wrong key: by what each was served before."""
    served = {client_of(request) for request in ended if _good(request)}
    good = {request.key for request in ended if request.key and _good(request)}
    keys = defaultdict[str, set[str]](set)
    for request in failed:
        if request.key and request.key not in good:
            keys[client_of(request)].add(request.key)
    guessing = {client: len(tried) for client, tried in keys.items() if len(tried) >= _GUESSES}
    named = {request.user for request in failed if request.user}
    for client, number in sorted(guessing.items(), key=lambda item: -item[1])[:_TOP]:
        if client in served and client not in named:
            yield say(
                "{client} tried {n} different keys and was served too: several people behind one address, or somebody "
                "who guesses",
                client=redact(client),
                n=number,
            )
        else:
            yield say("{client} tried {n} different keys: somebody guesses", client=redact(client), n=number)
    yield from _rotated(ended, failed, zone)
    refused = Counter(client_of(request) for request in failed)
    for client, number in refused.most_common(1):
        if client not in {*served, *guessing, "-"} and number >= _ALL * len(failed):
            yield say("{client} was never served in this time: a wrong key, or none", client=redact(client))


def _rotated(ended: Sequence[Request], failed: Sequence[Request], zone: tzinfo) -> Iterator[Message]:
    """Keys that were good until some time and never after it. All of them at once is no matter of single keys."""
    last_good, refused = dict[str, float](), defaultdict[str, list[float]](list)
    for request in ended:
        if request.key and _good(request):
            last_good[request.key] = max(request.at, last_good.get(request.key, 0.0))
    for request in failed:
        if request.key:
            refused[request.key].append(request.at)
    lost = [
        key
        for key, times in sorted(refused.items(), key=lambda item: -len(item[1]))
        if key in last_good and len(times) >= _SEVERAL and last_good[key] < min(times)
    ]
    until = max((request.at for request in ended if _good(request)), default=0.0)
    begin = min((min(refused[key]) for key in lost), default=0.0)
    if len(lost) >= _SEVERAL and until < begin:
        yield say(
            "{n} keys were good until {until} and nobody was served since: the gateway has lost its list of keys, or "
            "all were changed",
            n=len(lost),
            until=_moment(until, zone),
        )
        return
    for key in lost[:_TOP]:
        yield say(
            "key {key} was good until {until} and refused since: it was changed or taken away",
            key=redact(key),
            until=_moment(last_good[key], zone),
        )


def _moment(at: float, zone: tzinfo) -> str:
    return clock_face(at, zone).isoformat(sep=" ", timespec="seconds")[:19]


def _limited(_ended: Sequence[Request], failed: Sequence[Request], _zone: tzinfo) -> Iterator[Message]:
    """One user at the limit, or all of them in one bucket because the gateway sees only the proxy's address."""
    users = {request.user for request in failed}
    addresses = {request.client for request in failed if request.client}
    if len(users - {None}) >= _SEVERAL and len(addresses) == 1:
        yield say(
            "{n} users met the limit, all from one address ({address}): where the limit goes by address they share one "
            "bucket, as behind a proxy",
            n=len(users - {None}),
            address=next(iter(addresses)),
        )
    elif len(users) == 1 and (user := next(iter(users))):
        yield say("one user met the limit: {user}", user=redact(user))


_MEANING = {"401": _unauthorised, "429": _limited}
