"""Which certificates an Nginx configuration loads, each with its key, includes followed; read by crossplane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_NO_FILE = ("data:", "engine:", "store:")
"""What Nginx takes in the place of a path (ngx_event_openssl_cache.c)."""

Block = Sequence[dict[str, Any]]
Files = Sequence[dict[str, Any]]
Inside = frozenset[int]


class Pair(NamedTuple):
    """A certificate file and the file of its key; None where the key lies in no file that the configuration names."""

    certificate: str
    key: str | None


class Held(NamedTuple):
    """`ssl_certificate` and `ssl_certificate_key` as a block has them: its own, or each kind as the block around it."""

    certificates: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def certificate_pairs(path: str) -> tuple[list[Pair], list[str], list[str]]:
    """Return the pairs of all `server` blocks, values that no file can be told from, and what could not be read.

    The n-th certificate of a server belongs to its n-th key: so RSA and ECDSA stand beside each other. Relative paths
    begin at the folder of the main file (ngx_conf_full_name). A server that rejects every handshake shows none.
    Raises OSError where the main file cannot be opened.
    """
    import crossplane  # costs start-up time, and few questions need it

    Path(path).open("rb").close()
    read: dict[str, Any] = crossplane.parse(path, comments=False)
    files = read["config"]
    held = dict.fromkeys(_loaded(files, files[0]["parsed"], Held(), frozenset({0})))
    unread = [f"{error.get('file') or path}: {error['error']}" for error in read["errors"]]
    base = Path(path).parent
    plain = [pair for pair in held if _is_path(pair.certificate)]
    found = [Pair(str(base / one), str(base / key) if key and _is_path(key) else None) for one, key in plain]
    return list(dict.fromkeys(found)), [pair.certificate for pair in held if pair not in plain], unread


def _is_path(text: str) -> bool:
    return bool(text) and "$" not in text and not text.startswith(_NO_FILE)


def _loaded(files: Files, block: Block, above: Held, inside: Inside) -> Iterator[Pair]:
    every = list(_flat(files, block, inside))
    held = _held([each for each, _ in every], above)
    for each, within in every:
        if each["directive"] in {"http", "stream", "mail"}:
            yield from _loaded(files, each.get("block", ()), held, within)
        elif each["directive"] == "server" and "block" in each:
            yield from _of_server([one for one, _ in _flat(files, each["block"], within)], held)


def _of_server(every: Block, above: Held) -> Iterator[Pair]:
    if _values(every, "ssl_reject_handshake") == ("on",):
        return
    held = _held(every, above)
    for number, one in enumerate(held.certificates):
        yield Pair(one, held.keys[number] if number < len(held.keys) else None)


def _held(every: Block, above: Held) -> Held:
    own = Held(_values(every, "ssl_certificate"), _values(every, "ssl_certificate_key"))
    return Held(own.certificates or above.certificates, own.keys or above.keys)


def _flat(files: Files, block: Block, inside: Inside) -> Iterator[tuple[dict[str, Any], Inside]]:
    """The directives of a block with those of its includes in their place, and the files that each stands in.

    A file that includes itself is not entered again.
    """
    for each in block:
        yield each, inside
        for number in each.get("includes", ()):
            if number not in inside and number < len(files):
                yield from _flat(files, files[number]["parsed"], inside | {number})


def _values(every: Block, name: str) -> tuple[str, ...]:
    return tuple(each["args"][0] for each in every if each["directive"] == name and each["args"])
