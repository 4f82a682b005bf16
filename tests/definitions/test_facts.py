"""What facts are said to mean: a site adds to the shipped words or replaces single ones, mistakes have their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.app.lint import lint
from opskit.definitions import checks, facts, playbooks
from opskit.definitions.search import shipped
from opskit.model.settings import Settings

FILE = """\
schema: opskit.facts/v1
facts:
  web.load: {en: how busy, zh: 有多忙}
  gpu.lost: {en: ours, zh: 我们的}
"""


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def told(folder: Path) -> list[str]:
    return [problem.render().replace(f"{folder}/", "") for problem in facts.load(folder).problems]


@pytest.mark.parametrize("place", ["playbooks", "playbooks.d"])
def test_a_site_adds_to_the_shipped_words_and_replaces_single_ones(tmp_path: Path, place: str) -> None:
    put(tmp_path / place / "facts.yaml", FILE)
    before, after = facts.load(), facts.load(tmp_path)
    assert (before.problems, after.problems, after.files) == ((), (), before.files + 1)
    assert {name for name in after.texts if after.texts[name] != before.texts.get(name)} == {"web.load", "gpu.lost"}
    assert after.texts["gpu.lost"].zh == "我们的"


def test_it_is_no_playbook_and_counts_as_a_file_that_was_looked_at(tmp_path: Path) -> None:
    before, _ = lint(Settings(), None)
    put(tmp_path / "playbooks/facts.yaml", FILE)
    assert playbooks.load(tmp_path) == playbooks.load()
    assert lint(Settings(), tmp_path) == (before + 1, [])
    put(tmp_path / "checks/facts.yaml", "enabled: false\n")  # a check may have this name
    assert checks.load(tmp_path).problems == ()


WRONG = [
    (("facts/v1", "facts/v2"), ["1: schema: expected one of opskit.facts/v1, got 'opskit.facts/v2'"]),
    (("web.load", "web"), ["3: facts: expected PROBE.FACT, got 'web'"]),
    (("web.load", "web.load.much"), ["3: facts: expected PROBE.FACT, got 'web.load.much'"]),
    (("web.load", "Web.load"), ["3: facts: expected PROBE.FACT, got 'Web.load'"]),
    (("web.load", "gpu.lost"), ["4: duplicate key 'gpu.lost', first in line 3"]),
    ((", zh: 有多忙", ""), ["3: facts.web.load: no Chinese text"]),
    (("how busy", "[busy]"), ["3: facts.web.load.en: expected text, got a list"]),
    (("how busy", '"\\e[31m"'), ["3: facts.web.load.en: control character \\x1b in a sentence"]),
    ((FILE, "facts: 7\n"), ["1: facts: expected keys and values, got '7'", "1: file: missing key 'schema'"]),
    ((FILE, "a: [\n"), ["2: not valid YAML: did not find expected node content"]),
    ((FILE, ""), [" expected `key: value` lines at the top"]),
]


@pytest.mark.parametrize(("change", "lines"), WRONG)
def test_a_mistake_is_named_with_its_line_and_leaves_the_shipped_words(
    tmp_path: Path, change: tuple[str, str], lines: list[str]
) -> None:
    put(tmp_path / "playbooks/facts.yaml", FILE.replace(*change))
    assert told(tmp_path) == [f"playbooks/facts.yaml:{line}" for line in lines]
    assert facts.load(tmp_path).texts.keys() >= facts.load().texts.keys()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/facts.yaml").symlink_to("nowhere")
    assert told(tmp_path) == ["playbooks/facts.yaml: cannot be read: No such file or directory"]
    assert (shipped("playbooks") / "facts.yaml").is_file()
