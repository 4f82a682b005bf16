"""What is wrong in a definition only beside the probes and the other definitions is named with its line too.

`wrong/` holds one file for each kind of mistake, and `wrong.expected` all lines that `opskit lint` is to print of them.
`wrong_mixed/` holds files with mistakes of every kind, those of notation and type included. In them `#:` is followed by
what its line reads once these are mended.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from opskit.app.lint import lint
from opskit.definitions import checks, playbooks
from opskit.model.settings import Settings
from opskit.probes.base import fact_kinds
from opskit.probes.registry import PROBES, probe

HERE = Path(__file__).parent
WRONG, MIXED = HERE / "wrong", HERE / "wrong_mixed"
DEFINITIONS = HERE.parent / "definitions"
GPU = type(probe("gpu"))


def told(folder: Path) -> list[str]:
    _files, problems = lint(Settings(), folder)
    advice = {False: "", True: " (advice)"}
    return [problem.render().removeprefix(f"{folder}/") + advice[problem.advice] for problem in problems]


def read(folder: Path) -> list[str]:
    """What the readers alone say."""
    problems = [*checks.load(folder).problems, *playbooks.load(folder).problems]
    return [problem.render().removeprefix(f"{folder}/") for problem in problems]


def expected(folder: Path) -> list[str]:
    text = folder.with_name(f"{folder.name}.expected").read_text("utf-8")
    books = playbooks.load(folder)
    known = {
        "probes": PROBES,
        "metrics of gpu": GPU.metrics,
        "arguments of gpu": GPU.arguments.__struct_fields__,
        "facts of host": fact_kinds(probe("host")),
        "playbooks": {*books.good, *books.broken},
    }
    for name, names in known.items():
        text = text.replace(f"<{name}>", ", ".join(sorted(names)))
    return text.splitlines()


def changed(folder: Path, pattern: str, by: str) -> Path:
    """The folder with every file's text changed, and no line moved."""
    for path in folder.rglob("*.yaml"):
        text = path.read_text("utf-8")
        path.write_text(re.sub(pattern, by, text, flags=re.MULTILINE), "utf-8")
        assert path.read_text("utf-8") != text
    return folder


@pytest.mark.parametrize("folder", [WRONG, MIXED])
def test_every_mistake_is_named_with_its_line_and_what_was_expected(folder):
    assert told(folder) == expected(folder)


def test_every_file_of_the_folder_can_be_read_and_has_its_lines():
    files = {f"{path.parent.name}/{path.name}" for path in WRONG.rglob("*.yaml")}
    assert {line.partition(":")[0] for line in told(WRONG)} == files
    assert not read(WRONG)


def test_once_the_notation_is_mended_exactly_that_is_left_which_was_told_beside_it(tmp_path):
    first = told(MIXED)
    mistakes = read(MIXED)
    folder = changed(shutil.copytree(MIXED, tmp_path / "mended"), r"^.*#:(?: |$)", "")
    assert not read(folder)
    assert told(folder) == [line for line in first if line not in mistakes]


@pytest.mark.parametrize(
    ("pattern", "by", "mistake"),
    [
        (r"(every|budget): \d+[ms]", r"\1: 60", "expected a duration with its unit"),
        (r"(every|budget): (\d+[ms])", r"\1: !!str \2", "tags (tag:yaml.org,2002:str) are not used"),
        (r"\Z", "evry: 1h", "unknown key 'evry'"),
        (r"\Z", "7: 1h", "key 7 is not text"),
        (r"\Z", "why: {en: Because}\ntitle: {en: Slow}\nwhy: 1\ntitle: 2", "key '"),
    ],
)
def test_a_mistake_of_notation_hides_none_of_those_behind_it(tmp_path, pattern, by, mistake):
    # The title and the reason are no longer sure where they are given twice, so nothing is said of their translation;
    # nor is it sure that nothing is included, so a cause that is not there may stand in a file that should have been.
    folder = changed(shutil.copytree(WRONG, tmp_path / "wrong"), pattern, by)
    before, after = told(WRONG), told(folder)
    fresh = [line for line in after if line not in before]
    vague = (": why: ", ": title: ", "expected a step, {cause: CODE}")
    assert set(before) - set(after) <= {line for line in before if any(part in line for part in vague)}
    assert all(mistake in line for line in fresh)
    assert {line.partition(":")[0] for line in fresh} == {line.partition(":")[0] for line in before}


@pytest.mark.parametrize(("name", "kind"), [("invalid", "checks"), ("invalid_playbooks", "playbooks")])
def test_nothing_is_told_that_only_follows_from_a_mistake_of_notation(tmp_path, name, kind):
    shutil.copytree(DEFINITIONS / name, tmp_path / kind)
    mistakes = read(tmp_path)
    beside = [line for line in told(tmp_path) if line not in mistakes]
    # No probe takes an argument with anything inside of it, so this file cannot have one mistake alone.
    assert beside == ["checks/argument-deep-inside.yaml:5: with.nginx: expected text, got a list"] * (kind == "checks")


RULES = """\
summary: {en: Fine, zh: 正常}
why: {en: Because, zh: 因为}
probe: gpu
rules:
  - {warn: "80", crit: "70"}
every: 1m
timeout: 5s
"""


def test_a_rule_without_a_metric_is_judged_by_the_rest_of_it(tmp_path):
    (tmp_path / "x.yaml").write_text(RULES, "utf-8")
    assert told(tmp_path) == [
        "x.yaml:5: rules[0]: missing key 'metric'",
        "x.yaml:5: rules: ? is critical (70) before it is a warning (80)",
    ]


@pytest.mark.parametrize("switch", ["enabled: false", "enabled: yes"])
def test_a_broken_file_that_may_be_masked_is_not_held_against_the_probes(tmp_path, switch):
    (tmp_path / "x.yaml").write_text(f"{RULES}{switch}\n", "utf-8")
    assert [line.partition(": ")[0] for line in told(tmp_path)] == ["x.yaml:5", "x.yaml:8"][: 1 + ("yes" in switch)]


def test_what_a_check_depends_on_exists_and_is_not_the_check_itself(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    shipped = (Path(__file__).parents[2] / "checks" / "certificate.yaml").read_text()
    (folder / "one.yaml").write_text(shipped + "depends_on: [latency, two, nowhere]\n")
    (folder / "two.yaml").write_text(shipped + "depends_on: [one]\n")
    (folder / "latency.yaml").write_text("enabled: false\n")
    _, problems = lint(Settings(), tmp_path)
    told = {(Path(each.source).name, str(each.text).partition(",")[0], each.advice) for each in problems}
    assert told == {
        ("one.yaml", "depends_on: 'two' depends on this check itself", False),
        ("one.yaml", "depends_on: there is no check 'nowhere'", True),
        ("two.yaml", "depends_on: 'one' depends on this check itself", False),
    }
