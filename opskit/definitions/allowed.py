"""What the values of `opskit.yaml` may look like, beyond their types. A row for each key that can be wrong by itself.

A mistake here would otherwise show at night: a report that is never made, a mail that never leaves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from opskit.definitions.allowed_times import clock, hours, long_span, number, silent, span
from opskit.model.endpoint import endpoint
from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.model.settings import EmailSettings, IcingaSettings, Settings

_TOKEN = regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2, which header names are made of
_ADDRESS = regex(r"(?:[^<>]*<)?[^\s<>@,;]+(?:@[^\s<>@,;]+)?>?")
_FORBIDDEN = "`~!$%^&*|'\"<>?,()=;{}\\"  # Nagios' illegal_object_name_chars, and what ends a field or a name
_NO_OBJECT = regex(f"[{re.escape(_FORBIDDEN)}\x00-\x1f\x7f]")
_LONGEST_NAME = 200  # an external command has room for two of them, and for a result behind
_REFERENCE = regex(r"/.*|\$[A-Za-z_][A-Za-z0-9_]*", re.DOTALL)


def wrong_values(settings: Settings) -> Iterator[tuple[str, Message]]:
    """Yield the key and what is wrong with its value. No value is quoted that may be a secret."""
    for key, allowed in _ALLOWED.items():
        for value in _values(settings, key):
            wrong = allowed(value)
            if wrong is not None:
                yield key, wrong
    if settings.notify.email is not None:
        yield from _mail(settings.notify.email)
    yield from silent(settings.notify)
    if settings.submit.icinga is not None:
        yield from _icinga(settings.submit.icinga)


def _values(settings: Settings, key: str) -> tuple[Any, ...]:
    """What stands under a key: nothing where it is unset, several where it is a list."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name, None)
    if isinstance(value, tuple):
        return value
    if isinstance(value, dict):
        return tuple(value.values())
    return () if value is None else (value,)


def _mail(mail: EmailSettings) -> Iterator[tuple[str, Message]]:
    if not mail.to:
        yield "notify.email.to", say("expected at least one address")
    if mail.tls == "none" and not _is_loopback(mail.host):
        yield "notify.email.tls", say("none is for a mail server on this host only")
    if (mail.user is None) != (mail.password_file is None):
        yield "notify.email", say("user and password_file go together")


def _icinga(icinga: IcingaSettings) -> Iterator[tuple[str, Message]]:
    if (icinga.user is None) != (icinga.password_file is None):
        yield "submit.icinga", say("user and password_file go together")
    if icinga.key_file is not None and icinga.certificate_file is None:
        yield "submit.icinga.key_file", say("there is no certificate_file that it belongs to")
    if (icinga.user is None) == (icinga.certificate_file is None):
        yield "submit.icinga", say("expected either user and password_file, or certificate_file")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _url(value: str) -> Message | None:
    expected = say("expected http://HOST... or https://HOST...")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return expected
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or re.search(r"\s", value):
        return expected
    return say("a password does not belong into a URL") if "@" in parts.netloc else None


def _https(value: str) -> Message | None:
    return _url(value) if value.startswith("https://") else say("expected https://HOST:PORT, such as port 5665")


def wrong_name(value: str) -> Message | None:
    """Say what is wrong with the name of a host or service of a monitoring system, None where nothing is."""
    good = 0 < len(value) <= _LONGEST_NAME and value == value.strip() and not _NO_OBJECT.search(value)
    return None if good else say("expected a name as Nagios and Icinga take it, without any of {set}", set=_FORBIDDEN)


def _pattern(value: str) -> Message | None:
    if value.count("{check}") != 1:
        return say("expected a name with {{check}} in it, such as opskit-{{check}}")
    return wrong_name(value.replace("{check}", "x"))


def _path(value: str) -> Message | None:
    return None if re.fullmatch(r"/\S*", value) else say("expected a path that begins with /")


def _file(value: str) -> Message | None:
    return None if value.startswith("/") else say("expected a path that begins with /")


def _port(value: int) -> Message | None:
    return None if 1 <= value <= 65535 else say("expected a port, 1 to 65535")


def _above_zero(value: float) -> Message | None:
    return None if 0 < value <= 3600 else say("expected seconds, above 0 and at most 3600")


def _days(value: int) -> Message | None:
    return None if 1 <= value <= 3660 else say("expected days, 1 to 3660")


def _cards(value: int) -> Message | None:
    return None if 0 <= value <= 1024 else say("expected a number of cards, 0 or more")


def _endpoint(value: str) -> Message | None:
    return None if endpoint(value) else say("expected host:port, such as chat.example.com:443")


def _address(value: str) -> Message | None:
    return None if _ADDRESS.fullmatch(value) else say("expected a mail address, or a name and <address>")


def _header(value: str) -> Message | None:
    return None if _TOKEN.fullmatch(value) else say("expected the name of a header, such as X-Api-Key")


def _secret(value: str) -> Message | None:
    return None if _REFERENCE.fullmatch(value) else say("expected where the secret is kept: a path from /, or $NAME")


def _log(value: str) -> Message | None:
    good = re.fullmatch(r"unit:[A-Za-z0-9@._:\\-]+|/.+", value)
    return None if good else say("expected a path from /, or unit:NAME for the journal of a unit")


def _kernel(value: str) -> Message | None:
    return None if value == "journal" or value.startswith("/") else say("expected a path from /, or journal")


def _program(value: str) -> Message | None:
    good = re.fullmatch(r"[A-Za-z0-9._-]+|/.+", value)
    return None if good else say("expected the name of a program, or its path from /")


def _one_of(*choices: str) -> Callable[[str], Message | None]:
    expected = say("expected one of {choices}", choices=", ".join(choices))
    return lambda value: None if value in choices else expected


_ALLOWED: dict[str, Callable[[Any], Message | None]] = {
    "stack.nginx.url": _url,
    "stack.gateway.url": _url,
    "stack.gateway.api_key_file": _secret,
    "stack.gateway.key_header": _header,
    "stack.clawdbot.url": _url,
    "stack.clawdbot.health_path": _path,
    "stack.clawdbot.config": _path,
    "stack.ollama.url": _url,
    "stack.ollama.log": _log,
    "stack.gpu.expected": _cards,
    "stack.gpu.library": _path,
    "stack.gpu.version_file": _path,
    "stack.host.kernel_log": _kernel,
    "stack.host.journalctl": _program,
    "certificates.endpoints": _endpoint,
    "certificates.password_file": _secret,
    "notify.email.to": _address,
    "notify.email.sender": _address,
    "notify.email.port": _port,
    "notify.email.tls": _one_of("starttls", "tls", "none"),
    "notify.email.password_file": _secret,
    "notify.email.timeout": _above_zero,
    "notify.email.sendmail": _file,
    "notify.webhook.url": _url,
    "notify.webhook.secret_file": _secret,
    "notify.webhook.ca_file": _file,
    "notify.webhook.timeout": _above_zero,
    "notify.chat.url_file": _secret,
    "notify.least": _one_of("warning", "critical"),
    "notify.group_wait": span,
    "notify.group_interval": span,
    "notify.reminder": long_span,
    "notify.reminder_most": long_span,
    "notify.unknown_after": span,
    "notify.per_hour": number,
    "notify.quiet_hours": hours,
    "notify.heartbeat_file": _path,
    "notify.ping_url": _url,
    "submit.nagios.command_file": _path,
    "submit.nagios.host": wrong_name,
    "submit.nagios.service": _pattern,
    "submit.nagios.services": wrong_name,
    "submit.icinga.url": _https,
    "submit.icinga.host": wrong_name,
    "submit.icinga.service": _pattern,
    "submit.icinga.services": wrong_name,
    "submit.icinga.password_file": _secret,
    "submit.icinga.certificate_file": _file,
    "submit.icinga.key_file": _file,
    "submit.icinga.ca_file": _file,
    "submit.icinga.timeout": _above_zero,
    "history.spare": _file,
    "history.raw_days": _days,
    "history.days": _days,
    "report.daily_at": clock,
    "locale": _one_of("en", "zh"),
}
