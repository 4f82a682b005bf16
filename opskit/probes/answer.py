"""Structured evidence as bytes and back, and the words for a failed exchange. For the probes that ask APIs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.typed import prepared
from opskit.probes.base import ProbeError
from opskit.probes.exchange_evidence import Exchange, stage_at

_S = TypeVar("_S")
OWN_REQUEST = "opskit-"
"""Request ids that begin like this are opskit's own."""
OWN_AGENT = "opskit"


def pack(name: str, value: msgspec.Struct, origin: str) -> Raw:
    """Return the value as indented JSON, so that a person can read a bundle without opskit."""
    return Raw(name, msgspec.json.format(msgspec.json.encode(value), indent=1), origin)


def unpack(raws: Sequence[Raw], kind: type[_S]) -> _S:
    """Return the value that `pack` wrote.

    Raises ProbeError where a bundle's file is missing, cut or of another version.
    """
    if not raws:
        raise ProbeError(say("the evidence is empty"))
    try:
        return msgspec.json.decode(raws[0].data, type=prepared(kind))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProbeError(say("{name} cannot be read: {why}", name=raws[0].name, why=str(error))) from None


def without_secrets(asked: Exchange) -> Exchange:
    """Return an exchange whose address names the server only: behind it may stand a key."""
    scheme, _, rest = asked.url.partition("://")
    return msgspec.structs.replace(asked, url=f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}")


def failed(asked: Exchange) -> Message:
    """Say in a sentence why an exchange failed, and what to look at."""
    failure = asked.failure
    if failure is None:
        return say("{url} answered", url=asked.url)
    text = {
        "refused": say("connection refused by {url}: nothing listens there", url=asked.url),
        "timeout": say("no answer in time, stuck at: {stage}", stage=stage_at(failure.stage, asked.url)),
        "dns": say("the name in {url} cannot be resolved: {text}", url=asked.url, text=failure.text),
        "certificate": say("the certificate of {url} does not verify: {text}", url=asked.url, text=failure.text),
    }
    return text.get(failure.kind) or say(
        "{url}: {text} ({stage})", url=asked.url, text=failure.text, stage=failure.stage
    )
