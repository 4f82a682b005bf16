"""The log formats that a real Nginx configuration defines, includes followed; read by crossplane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opskit.logs.log_format_parts import Escape

# Always defined and not to be changed (ngx_http_log_module.c).
COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
_ESCAPES: dict[str, Escape] = {"default": "default", "json": "json", "none": "none"}


Defined = dict[str, tuple[str, "Escape"]]


def log_formats(path: Path | str) -> tuple[Defined, str | None]:
    """Return text and escape mode of every `log_format` by name, `combined` included; and what could not be read.

    A file that a configuration includes may be missing where only a copy of the configuration is at hand.
    """
    # Without check_ctx a file of conf.d, which knows nothing of the http block around it, can be named as well.
    import crossplane  # costs start-up time, and few questions need it

    read: dict[str, Any] = crossplane.parse(str(path), comments=False, check_ctx=False)
    found: Defined = {"combined": (COMBINED, "default")}
    for file in read["config"]:
        found |= dict(_form(directive) for directive in _directives(file["parsed"]))
    return found, next((f"{error.get('file', path)}: {error['error']}" for error in read["errors"]), None)


def directive(text: str) -> tuple[str, Escape]:
    """Return text and escape mode of a whole `log_format NAME 'STRING' ...;`."""
    import shlex  # as rarely needed

    try:
        _, *arguments = shlex.split(text.strip().removesuffix(";"))
        return _form(arguments)[1]
    except ValueError as error:
        raise ValueError(f"log_format: {error}") from None


def _directives(block: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    for directive in block:
        if directive["directive"] == "log_format":
            yield directive["args"]
        yield from _directives(directive.get("block", ()))


def _form(arguments: Sequence[str]) -> tuple[str, tuple[str, Escape]]:
    """Join the strings of a `log_format`: Nginx puts nothing between them."""
    from opskit.logs.log_format_parts import meant

    name, *strings = arguments
    escape = _ESCAPES["default"]
    if strings and strings[0].startswith("escape="):
        asked = strings.pop(0).removeprefix("escape=")
        if asked not in _ESCAPES:
            raise ValueError(f"log_format {name}: escape={asked}; Nginx knows {', '.join(_ESCAPES)}")
        escape = _ESCAPES[asked]
    return name, (meant("".join(strings)), escape)
