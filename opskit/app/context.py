"""What every command starts from: the configuration, the definitions in force, and the language of the reader."""

from __future__ import annotations

import gettext
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from opskit.definitions import settings
from opskit.logs.host_zone import HostZone
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.reader import Reader
from opskit.model.settings import Settings

if TYPE_CHECKING:
    from opskit.definitions.loaded import Loaded
    from opskit.model.check import Check
    from opskit.model.playbook import Playbook
    from opskit.triage.tree import Tree

LOCALE = Path(__file__).parents[1] / "locale"


class Context(msgspec.Struct, frozen=True, dict=True):
    """`definitions` and `config` are what --definitions and --config gave; `reader` is who the output is for.

    The checks are read once: who wants to know what has changed in their files makes a new one. What only some
    commands need is imported where they need it: the others start in half the time.
    """

    settings: Settings
    reader: Reader
    definitions: Path | None = None
    config: Path | None = None

    def loaded_checks(self, ids: Sequence[str] = ()) -> Loaded[Check]:
        """Return the checks in force, or of those `ids` where all exist, and what is wrong with the files of others."""
        return self._read(ids) if ids else self._all_checks

    def anew(self) -> Context:
        """Return the same without what was read, for whoever has to see what the files say by now."""
        return Context(self.settings, self.reader, self.definitions, self.config)

    def with_checks(self, checks: Loaded[Check]) -> Context:
        """Return the same with checks that somebody has read already."""
        same = self.anew()
        same.__dict__["_all_checks"] = checks  # where `cached_property` keeps it
        return same

    def checks(self) -> dict[str, Check]:
        """Return the checks in force that can be used."""
        return self.loaded_checks().good

    @cached_property
    def _all_checks(self) -> Loaded[Check]:
        return self._read(())

    def _read(self, ids: Sequence[str]) -> Loaded[Check]:
        from opskit.definitions import checks

        return checks.load(self.definitions, ids)

    def tree(self, playbook_id: str) -> Tree:
        """Return a playbook ready to walk. Raises DefinitionError."""
        return self.grown(self.playbook(playbook_id))

    def playbook(self, playbook_id: str) -> Playbook:
        """Return a playbook; a broken file of another one does not matter. Raises DefinitionError."""
        from opskit.definitions import playbooks
        from opskit.probes.registry import PROBES

        loaded: Loaded[Playbook] = playbooks.load(self.definitions, [playbook_id])
        if playbook_id in loaded.broken:
            raise DefinitionError(loaded.broken[playbook_id])
        found = loaded.good.get(playbook_id)
        if found is None:
            known = ", ".join(sorted({*loaded.good, *loaded.broken})) or "none"
            text = say("there is no playbook '{id}', expected one of {known}", id=playbook_id, known=known)
            raise DefinitionError([Problem("playbooks", 0, text), *loaded.elsewhere])
        if not {use.probe for use in found.probes.values()} <= set(PROBES):
            self.grown(found)  # it raises, and names everything that is wrong
        return found

    def grown(self, found: Playbook) -> Tree:
        """Return a playbook with its conditions ready, for which all its probes are loaded. Raises DefinitionError."""
        from opskit.probes.base import fact_kinds
        from opskit.probes.registry import PROBES, probe
        from opskit.triage.tree import grow

        used = {use.probe for use in found.probes.values()}
        listed = used if used <= set(PROBES) else PROBES  # whoever names none of them is told all of them
        return grow(found, {name: fact_kinds(probe(name)) for name in listed})


def load_context(config: Path | None, definitions: Path | None, lang: str | None) -> Context:
    """Return the context for a command line. Raises DefinitionError."""
    found = settings.load(settings.locate(config, os.environ))
    return Context(found, reader_for(lang or found.locale or environment_language()), definitions, config)


def environment_language() -> str:
    """`zh` where the environment's messages are Chinese, else `en`."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if spoken.startswith("zh") else "en"


def reader_for(lang: str) -> Reader:
    """Return a reader of `lang` in the host's zone."""
    # The texts in the code are English: to find that there is no catalogue of it takes a millisecond.
    spoken = (
        gettext.NullTranslations() if lang == "en" else gettext.translation("opskit", LOCALE, [lang], fallback=True)
    )
    return Reader(HostZone(), lang, spoken.gettext)
