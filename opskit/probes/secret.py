"""The secret that a `*_file` setting refers to, fit to be sent in a header. Nothing raised here ever contains it."""

from __future__ import annotations

from collections.abc import Mapping

from opskit.model.message import say
from opskit.probes.base import ProbeError

_LONGEST = 8192


def secret_of(reference: str, environment: Mapping[str, str]) -> str:
    """Return what stands in the file at the path, or in the environment variable for `$NAME`.

    Raises ProbeError that names the reference where there is none, or none that a header can carry.
    """
    if reference.startswith("$"):
        secret = environment.get(reference[1:], "").strip()
        if not secret:
            raise ProbeError(say("the environment variable {name} is not set", name=reference))
    else:
        secret = _from_file(reference)
        if not secret:
            raise ProbeError(say("the key file {path} is empty", path=reference))
    if not all("!" <= character <= "~" for character in secret):
        raise ProbeError(say("{place} does not hold one key: one word of ASCII is expected", place=reference))
    return secret


def _from_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123  # a path as the operator wrote it
            return file.read(_LONGEST).strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise ProbeError(say("the key file {path} cannot be read: {why}", path=path, why=why)) from None
