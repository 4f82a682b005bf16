"""The configuration file: `--config`, `$OPSKIT_CONFIG`, the user's, the host's; the first that exists is the one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opskit.definitions.convert import Converter
from opskit.definitions.reader import compose
from opskit.definitions.search import SITE, read
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.settings import EmailSettings, Settings

NAME = "opskit.yaml"


def locate(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the configuration file to read, or None for the built-in defaults.

    A file that was asked for by name is returned even if it is missing, so that reading it says so.
    """
    if given is not None:
        return given
    if environment.get("OPSKIT_CONFIG"):
        return Path(environment["OPSKIT_CONFIG"])
    home = environment.get("XDG_CONFIG_HOME") or (environment.get("HOME", "") + "/.config")
    return next((path for path in (Path(home) / "opskit" / NAME, SITE / NAME) if path.is_file()), None)


def load(path: Path | None) -> Settings:
    """Return the settings of a file, or the defaults.

    Raises DefinitionError with every problem of the file.
    """
    return Settings() if path is None else parse(read(path), str(path))


def parse(data: bytes, source: str) -> Settings:
    """Return the settings in `data`.

    Raises DefinitionError with every problem of the file.
    """
    if not _has_content(data):
        return Settings()
    root = compose(data, source)
    converter = Converter(source)
    settings = converter.struct(root, Settings, "")
    if settings is not None and not converter.problems:
        converter.problems += _contradictions(settings, source)
    if settings is None or converter.problems:
        raise DefinitionError(converter.problems)
    return settings


def _has_content(data: bytes) -> bool:
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in data.splitlines())


def _contradictions(settings: Settings, source: str) -> list[Problem]:
    problems = []
    mail = settings.notify.email
    if mail is not None:
        problems += _mail_problems(mail, source)
    for name, url in _urls(settings).items():
        if not url.startswith(("http://", "https://")):
            problems.append(Problem(source, 0, say("{key}: expected http://... or https://...", key=name)))
    if settings.locale not in {None, "en", "zh"}:
        problems.append(Problem(source, 0, say("locale: expected en or zh")))
    return problems


def _mail_problems(mail: EmailSettings, source: str) -> list[Problem]:
    problems = []
    if mail.tls not in {"starttls", "tls", "none"}:
        problems.append(Problem(source, 0, say("notify.email.tls: expected starttls, tls or none")))
    if not mail.to:
        problems.append(Problem(source, 0, say("notify.email.to: expected at least one address")))
    return problems


def _urls(settings: Settings) -> dict[str, str]:
    stack = settings.stack
    return {
        "stack.nginx.url": stack.nginx.url,
        "stack.gateway.url": stack.gateway.url,
        "stack.clawdbot.url": stack.clawdbot.url,
        "stack.ollama.url": stack.ollama.url,
    }
