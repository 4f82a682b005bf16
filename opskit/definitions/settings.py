"""The configuration file: `--config`, `$OPSKIT_CONFIG`, the user's, the host's; the first that exists is the one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opskit.definitions.compiled import COMPILED
from opskit.definitions.search import SETTINGS, SITE, read
from opskit.model.message import say
from opskit.model.problem import Problem
from opskit.model.settings import Settings


def locate(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the configuration file to read, or None for the built-in defaults.

    A file that was asked for by name is returned even if it is missing, so that reading it says so.
    """
    if given is not None:
        return given
    if environment.get("OPSKIT_CONFIG"):
        return Path(environment["OPSKIT_CONFIG"])
    home = environment.get("XDG_CONFIG_HOME") or (environment.get("HOME", "") + "/.config")
    return next((path for path in (Path(home) / "opskit" / SETTINGS, SITE / SETTINGS) if path.is_file()), None)


def load(path: Path | None) -> Settings:
    """Return the settings of a file, or the defaults.

    Raises DefinitionError with every problem of the file.
    """
    if path is None:
        return Settings()
    data, source = read(path), str(path)
    found = COMPILED.recall(data, source, Settings)
    if found is None:
        found = parse(data, source)
        COMPILED.keep(data, source, found)
    return found


def parse(data: bytes, source: str) -> Settings:
    """Return the settings in `data`.

    Raises DefinitionError with every problem of the file.
    """
    if not _has_content(data):
        return Settings()
    # YAML and all that checks it take longer to load than most commands take without a configuration.
    from opskit.definitions.allowed import wrong_values
    from opskit.definitions.convert import Converter
    from opskit.definitions.reader import compose, lines

    document = compose(data, source)
    converter = Converter(document)
    settings = converter.struct(document.root, Settings, "")
    if not converter.problems:
        known = lines(document.root)
        converter.problems += [
            Problem(source, known.of(*key.split(".")), say("{key}: {wrong}", key=key, wrong=wrong))
            for key, wrong in wrong_values(settings)
        ]
    return converter.finish(settings)


def _has_content(data: bytes) -> bool:
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in data.splitlines())
