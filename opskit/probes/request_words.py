"""How a request ended at a layer, as a sentence."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.probes.endings_kind import Kind


def became(layer: str, kind: Kind) -> Message:
    """Return the sentence for a kind of ending, with the layer whose log tells it."""
    return say("{layer}: {what}", layer=layer, what=_WORDS[kind])


_WORDS: dict[Kind, Message] = {
    "good": say("it was answered"),
    "empty": say("the answer had no word in it"),
    "unspoken": say("an answer was made, and none of it was passed on"),
    "cut": say("the answer broke off"),
    "left": say("whoever asked hung up before the answer was complete"),
    "key": say("refused, because the key was not accepted (401)"),
    "forbidden": say("refused, because this user or address may not ask (403)"),
    "limited": say("refused, because too many requests came (429)"),
    "too_long": say("refused, because the question is too long"),
    "no_model": say("refused, because there is no such model"),
    "no_route": say("refused, because there is no such path"),
    "bad": say("refused as a wrong request"),
    "down": say("failed, because the model server could not be reached"),
    "name": say("failed, because the model server's name could not be resolved"),
    "late": say("failed, because no answer came in time"),
    "busy": say("failed, because the model server was busy"),
    "breaker": say("failed, because the gateway did not ask the model server"),
    "broken": say("failed with an error of the server"),
    "untold": say("it ended; how, the log does not say"),
}
