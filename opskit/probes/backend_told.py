"""Whether Clawdbot's way leads to the gateway, by what came of asking it. Pure; for the probe `http`."""

from __future__ import annotations

from typing import NamedTuple

from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.address import port_of
from opskit.probes.answer import failed
from opskit.probes.backend import Backend
from opskit.probes.exchange_evidence import Exchange

PATH, FROM_HERE = "gateway_path", "gateway_path_from_here"
_UNDERSTOOD = {200, 400, 413, 415, 422, 429}


class Way(NamedTuple):
    """`good` is None where it cannot be told; `text` says why it is good, bad or unknown."""

    good: bool | None
    text: Message


def way(backend: Backend, gateway: str) -> Way:
    """Judge the way; `gateway` is where opskit itself knows the gateway to be."""
    last = backend.chat or backend.models
    if backend.problem or last is None:
        return Way(None, _not_asked(backend))
    if last.failure is not None and last.failure.kind == "certificate":
        return Way(None, say("{text}, but Clawdbot may trust an authority of its own", text=failed(last)))
    if last.failure is not None:
        return Way(False, _unreached(last, gateway))
    if last.status in {401, 403}:
        return _refused(backend, last)
    if last.status == 404:
        return Way(False, _no_route(backend, last))
    if _is_page(last):
        return Way(
            None if (last.status or 0) >= 400 else False,
            say(
                "{base} answers with a web page (status {status}), as no gateway does",
                base=backend.api_base,
                status=last.status or 0,
            ),
        )
    if last.status in _UNDERSTOOD and (last.status != 200 or _is_list(last) or backend.chat is not None):
        return Way(True, say("{base} answers as the gateway", base=backend.api_base))
    return Way(
        None,
        say(
            "{base} answers status {status}: whether it is the gateway cannot be told",
            base=backend.api_base,
            status=last.status or 0,
        ),
    )


def _not_asked(backend: Backend) -> Message:
    path = backend.config
    reasons = {
        "missing": say("{path} cannot be read: {why}", path=path, why=backend.text),
        "denied": say("{path} may not be read by this user", path=path),
        "odd": say("{path} cannot be used: {why}", path=path, why=backend.text),
        "no_base": say("{path} names no backend.api_base", path=path),
    }
    return reasons.get(backend.problem) or say("there was no time left")


def _unreached(last: Exchange, gateway: str) -> Message:
    text = failed(last)
    if last.refused and port_of(gateway) != port_of(last.url):
        return say("{text}; the gateway of opskit.yaml is {gateway}", text=text, gateway=gateway)
    return text


def _refused(backend: Backend, last: Exchange) -> Way:
    status = last.status or 0
    if backend.key != "sent":
        words = {
            "none": say("{base} wants a key, and {path} names none", base=backend.api_base, path=backend.config),
            "unreadable": say(
                "{base} wants a key, and that of {path} cannot be read", base=backend.api_base, path=backend.config
            ),
        }
        return Way(None, words[backend.key])
    second = backend.bearer
    if second is not None and second.failure is None and second.status in _UNDERSTOOD and not _is_page(second):
        return Way(True, say("{base} answers as the gateway", base=backend.api_base))
    if second is not None and second.status != status:
        return Way(
            None,
            say(
                "{base} answers status {status}: whether it is the gateway cannot be told",
                base=backend.api_base,
                status=status,
            ),
        )
    if status == 403:
        # A gateway may believe the address that Clawdbot passes on of its user, and this request has none.
        text = say(
            "{base} refuses (status 403): whether for the key or for this host cannot be told", base=backend.api_base
        )
        return Way(None, text)
    return Way(
        False,
        say(
            "{base} refuses the key of Clawdbot's configuration (status 401, sent as {header})",
            base=backend.api_base,
            header=backend.header,
        ),
    )


def _no_route(backend: Backend, last: Exchange) -> Message:
    text = say("{url} does not exist (status 404)", url=last.url)
    below = backend.with_v1
    if below is not None and below.failure is None and below.status != 404 and not _is_page(below):
        return say("{text}: api_base lacks /v1, below which there is a gateway", text=text)
    return text


def _is_page(answer: Exchange) -> bool:
    kind = answer.headers.get("content-type", "").lower()
    return kind.startswith("text/html") or answer.body.lstrip()[:9].lower().startswith(("<!doctype", "<html"))


def _is_list(answer: Exchange) -> bool:
    """The list of models, of which only the beginning is kept."""
    return answer.body.lstrip().startswith("{") and ('"data"' in answer.body or '"models"' in answer.body)


def way_told(
    backend: Backend | None, gateway: str, at: float
) -> tuple[list[Sample], dict[str, Message], list[Message]]:
    """Return the samples, the reasons and the notes.

    Where Clawdbot has another network than this look, what fails here may work there: only a note says so. Where that
    is not known it counts as seen from here.
    """
    if backend is None:
        return [], {}, []
    found = way(backend, gateway)
    if found.good is None:
        return [], {}, [say("Clawdbot's way to the gateway is not checked: {why}", why=found.text)]
    if found.good:
        return [Sample(PATH, 1.0, at=at)], {}, []
    if backend.same_network is False:
        return [], {}, [say("from here, though Clawdbot has a network of its own: {why}", why=found.text)]
    name = PATH if backend.same_network else FROM_HERE
    return [Sample(name, 0.0, at=at)], {name: found.text}, []
