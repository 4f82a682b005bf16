"""Patterns are compiled late, and all of them can be."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import opskit
from opskit.model import regex as late
from opskit.model.regex import regex


def test_every_pattern_can_be_compiled() -> None:
    found = 0
    for module in pkgutil.walk_packages(opskit.__path__, "opskit."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, late._Waiting):
                    assert value.pattern
                    found += 1
    assert found > 200


def test_a_pattern_is_one_from_its_first_use_on() -> None:
    for given in (r"(?P<word>\w+)-(\d+)", rb"(?P<word>\w+)-(\d+)"):
        waiting, compiled = regex(given, re.IGNORECASE), re.compile(given, re.IGNORECASE)
        text = "ab-1 cd-2" if isinstance(given, str) else b"ab-1 cd-2"
        assert [match.groups() for match in waiting.finditer(text)] == compiled.findall(text)
        assert waiting.sub(text[:1], text) == compiled.sub(text[:1], text)
        assert (waiting.flags, waiting.groups, waiting.groupindex) == (
            compiled.flags,
            compiled.groups,
            compiled.groupindex,
        )


def test_a_mistake_shows_where_it_is_used() -> None:
    waiting = regex("(")
    with pytest.raises(re.error, match="unterminated"):
        waiting.match("")
    assert not hasattr(waiting, "__deepcopy__")
