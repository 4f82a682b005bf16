"""Included causes: which file is meant, what is wrong with it and where, and what a playbook takes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from opskit.app.lint import lint
from opskit.definitions import playbooks
from opskit.definitions.search import shipped
from opskit.model.playbook import Playbook
from opskit.model.problem import Problem
from opskit.model.settings import Settings

BOOK = """\
schema: opskit.playbook/v1
title: {en: Slow, zh: 慢}
budget: 5s
stages: [{en: One, zh: 一}]
include: [causes/site.yaml]
params:
  many: {default: 3}
probes:
  host: {use: host, timeout: 2s}
start: first
steps:
  first:
    stage: 1
    ask: {en: Is it, zh: 是吗}
    when: host.load_per_core > many
    "yes": {cause: OPS900}
    "no": {end: healthy}
    unknown: {end: unknown}
"""
SITE = """\
schema: opskit.causes/v1
causes:
  OPS900:
    layer: system
    summary: {en: Busy, zh: 忙}
    proof: [host.load_per_core]
    verify: host.load_per_core < many
    remedy:
      - text: {en: Wait, zh: 等}
        run: [sleep, "1"]
        risk: read-only
    seen: {en: They wait, zh: 用户在等}
    mistaken_for: [{en: A break, zh: 休息}]
"""
SPARE = SITE.replace("OPS900", "OPS901").replace("host.", "elsewhere.").replace("many", "few")
OWN = SITE.partition("schema: opskit.causes/v1\n")[2]


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for `--definitions` with a sound playbook `mine` and the causes that it includes."""
    put(tmp_path / "playbooks.d/mine.yaml", BOOK)
    put(tmp_path / "playbooks.d/causes/site.yaml", SITE)
    return tmp_path


def mine(folder: Path) -> Playbook:
    return playbooks.load(folder).good["mine"]


def read(folder: Path) -> list[str]:
    """What the reader alone says of `mine`."""
    return shown(folder, playbooks.load(folder, ["mine"]).problems)


def told(folder: Path) -> list[str]:
    return shown(folder, lint(Settings(), folder)[1])


def shown(folder: Path, problems: Iterable[Problem]) -> list[str]:
    return [problem.render().replace(f"{folder}/playbooks.d/", "") for problem in problems]


def include(folder: Path, names: str) -> None:
    put(folder / "playbooks.d/mine.yaml", BOOK.replace("[causes/site.yaml]", names))


def test_a_cause_comes_from_the_file_that_is_included(folder: Path) -> None:
    cause = mine(folder).causes["OPS900"]
    assert cause.summary.en == "Busy"
    assert cause.source == str(folder / "playbooks.d/causes/site.yaml")
    assert (cause.lines.line, cause.lines.of("remedy", 0, "run", 1)) == (3, 10)
    assert told(folder) == []


def test_own_causes_and_included_ones_stand_side_by_side(folder: Path) -> None:
    book = BOOK.replace('"no": {end: healthy}', '"no": {cause: OPS901}') + OWN.replace("OPS900", "OPS901")
    put(folder / "playbooks.d/mine.yaml", book)
    assert set(mine(folder).causes) == {"OPS900", "OPS901"}
    assert told(folder) == []


def test_what_no_branch_leads_to_is_left_out_whatever_probes_it_speaks_of(folder: Path) -> None:
    put(folder / "playbooks.d/causes/site.yaml", SITE + SPARE.partition("causes:\n")[2])
    assert set(mine(folder).causes) == {"OPS900"}
    assert set(mine(folder).spare) == {"OPS901"}
    assert told(folder) == []


def test_what_no_branch_leads_to_is_an_error_where_the_playbook_itself_says_it(folder: Path) -> None:
    put(folder / "playbooks.d/mine.yaml", BOOK + OWN.replace("OPS900", "OPS901"))
    assert told(folder) == ["mine.yaml:20: causes.OPS901: no branch leads here"]


def test_a_site_includes_the_shipped_causes_and_its_own_of_the_same_name_come_first(folder: Path) -> None:
    include(folder, "[causes/gpu.yaml, causes/site.yaml]")
    assert set(mine(folder).spare) >= {"OPS501", "OPS502"}
    assert mine(folder).spare["OPS501"].source == str(shipped("playbooks") / "causes/gpu.yaml")
    put(folder / "playbooks.d/causes/gpu.yaml", SPARE)
    assert set(mine(folder).spare) == {"OPS901"}
    assert set(playbooks.load(folder).good["chat-stuck"].causes) >= {"OPS501", "OPS502"}


def test_a_replaced_playbook_still_finds_the_shipped_causes(folder: Path) -> None:
    text = (shipped("playbooks") / "chat-stuck.yaml").read_text("utf-8")
    put(folder / "playbooks.d/chat-stuck.yaml", text)
    assert playbooks.load(folder).good["chat-stuck"].causes == playbooks.load().good["chat-stuck"].causes


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ("[causes/gone.yaml]", "there is no such file beside the playbook, nor among the shipped ones"),
        ("[causes/site.yaml/x.yaml]", "there is no such file beside the playbook, nor among the shipped ones"),
        ("[causes/site.yaml, causes/site.yaml]", "this file is included already"),
        ("[causes/site.yaml, causes/same.yaml]", "this file is included already"),
        ("[causes/out.yaml]", "a link leads out of the playbook's folder"),
        ("[away/site.yaml]", "a link leads out of the playbook's folder"),
    ],
)
def test_a_name_that_leads_to_no_file_of_its_own_is_told(folder: Path, names: str, wrong: str) -> None:
    causes = folder / "playbooks.d/causes"
    (causes / "same.yaml").symlink_to("site.yaml")
    (causes / "out.yaml").symlink_to(put(folder / "elsewhere/site.yaml", SITE))
    (causes.parent / "away").symlink_to(folder / "elsewhere")
    include(folder, names)
    name = names.strip("[]").rpartition(" ")[2]
    assert read(folder) == [f"mine.yaml:5: include: {wrong}, got '{name}'"]


EXPECTED = "expected a file in a folder below this one, such as causes/site.yaml"


@pytest.mark.parametrize(
    "name",
    [
        "site.yaml", "/etc/passwd", "/etc/opskit/causes.yaml", "../causes/site.yaml", "causes/../../x.yaml", "./x.yaml",
        "causes/./x.yaml", "causes//x.yaml", "causes/", "causes/.yaml", "causes/.x.yaml", "causes/x.txt", "causes/x",
        "causes\\x.yaml", "~/x.yaml", "causes/x.yaml ", "causes/原因.yaml", "causes/x.yaml\n/../y.yaml",
    ],
)  # fmt: skip
def test_a_name_that_is_no_way_down_is_refused(folder: Path, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace("\n", "\\n")
    include(folder, f'["{quoted}"]')
    (line,) = read(folder)
    assert line.startswith(f"mine.yaml:5: include[0]: {EXPECTED}, got ")


def test_what_cannot_be_read_is_told_of_that_file_and_nothing_waits_for_it(folder: Path) -> None:
    causes = folder / "playbooks.d/causes"
    os.mkfifo(causes / "fifo.yaml")
    (causes / "folder.yaml").mkdir()
    (causes / "loop.yaml").symlink_to("loop.yaml")
    (causes / "gone.yaml").symlink_to("nowhere.yaml")
    put(causes / "huge.yaml", "").open("r+b").truncate(64 << 30)
    names = ["fifo", "folder", "loop", "gone", "huge"]
    include(folder, f"[{', '.join(f'causes/{name}.yaml' for name in names)}]")
    assert read(folder) == [
        "causes/fifo.yaml: not a regular file",
        "causes/folder.yaml: not a regular file",
        "causes/gone.yaml: cannot be read: No such file or directory",
        "causes/huge.yaml: the file is larger than 1 MiB; a definition is a few pages",
        "causes/loop.yaml: cannot be read: Too many levels of symbolic links",
    ]


BY_MINE = "(as included by mine)"
WRONG = [
    ([("    layer: system\n", "")], ["causes/site.yaml:4: causes.OPS900: missing key 'layer'"]),
    ([("[sleep,", "[sh,")],
     ["causes/site.yaml:10: causes.OPS900.remedy: 'sh' is for a shell, commands are argv lists"]),
    ([(", zh: 忙", "")], ["causes/site.yaml:5: causes.OPS900.summary: no Chinese text"]),
    ([("read-only", "low")],
     [("causes/site.yaml:11: causes.OPS900.remedy[0].risk: expected one of read-only, changes-state, disruptive,"
      " got 'low'")]),
    ([("opskit.causes/v1", "opskit.causes/v2")],
     ["causes/site.yaml:1: schema: expected one of opskit.causes/v1, got 'opskit.causes/v2'"]),
    ([("causes:\n", "enabled: false\ncauses:\n")],
     ["causes/site.yaml:2: file: unknown key 'enabled', expected one of causes, schema"]),
    ([("causes:\n", "include: [causes/x.yaml]\ncauses:\n")],
     ["causes/site.yaml:2: file: unknown key 'include', expected one of causes, schema"]),
    ([("many", "few")],
     [("causes/site.yaml:7: causes.OPS900.verify: column 22: unknown parameter 'few' in `host.load_per_core < few`"
      f" {BY_MINE}")]),
    ([("[host.load_per_core]", "[gpu.count]")],
     [("causes/site.yaml:6: causes.OPS900.proof: there is no fact 'gpu.count', expected PROBE.FACT of one of host"
      f" {BY_MINE}")]),
    ([("OPS900", "OPS0900")],
     ["causes/site.yaml:3: causes.OPS0900: a code is OPS and three digits",
      "mine.yaml:16: steps.first.yes: expected a step, {cause: CODE} or {end: healthy|unknown} that exists"]),
    ([("causes:\n", "causes: {}\nx:\n")],
     ["causes/site.yaml:3: file: unknown key 'x', expected one of causes, schema",
      "mine.yaml:16: steps.first.yes: expected a step, {cause: CODE} or {end: healthy|unknown} that exists"]),
    # Where nobody knows which causes there are, no branch is said to lead nowhere.
    ([("OPS900:", "OPS900: [")], ["causes/site.yaml:5: not valid YAML: did not find expected ',' or ']'"]),
    ([("causes:\n", "causes: 7\nx:\n")],
     ["causes/site.yaml:2: causes: expected keys and values, got '7'",
      "causes/site.yaml:3: file: unknown key 'x', expected one of causes, schema"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "lines"), WRONG)
def test_a_mistake_is_named_with_the_file_and_line_of_the_included_one(
    folder: Path, changes: list[tuple[str, str]], lines: list[str]
) -> None:
    text = SITE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    put(folder / "playbooks.d/causes/site.yaml", text)
    assert told(folder) == lines


def test_what_is_wrong_in_itself_is_told_of_spare_causes_too(folder: Path) -> None:
    put(folder / "playbooks.d/causes/spare.yaml", SPARE.replace("sleep", "sleep 1;"))
    include(folder, "[causes/site.yaml, causes/spare.yaml]")
    assert told(folder) == [
        "causes/spare.yaml:10: causes.OPS901.remedy: 'sleep 1;' is for a shell, commands are argv lists"
    ]


def test_a_code_that_comes_again_is_an_error_at_the_second_place(folder: Path) -> None:
    put(folder / "playbooks.d/causes/more.yaml", f"# more\n{SITE}")
    include(folder, "[causes/site.yaml, causes/more.yaml]")
    first = f"{folder}/playbooks.d/causes/site.yaml:3"
    said = f"causes.OPS900: the code of another cause, in {first}"
    wanted = said.replace(f"{folder}/playbooks.d/", "")
    assert told(folder) == [f"causes/more.yaml:4: {wanted}"]
    put(folder / "playbooks.d/mine.yaml", BOOK + OWN)
    assert told(folder) == [f"mine.yaml:20: {wanted}"]


def test_two_playbooks_that_include_one_file_are_told_its_mistakes_once(folder: Path) -> None:
    put(folder / "playbooks.d/yours.yaml", BOOK)
    put(folder / "playbooks.d/causes/site.yaml", SITE.replace("read-only", "low"))
    assert len(told(folder)) == 1
    assert set(playbooks.load(folder).broken) == {"mine", "yours"}


def test_causes_that_lie_beside_the_playbooks_are_sent_to_a_folder_below(folder: Path) -> None:
    put(folder / "playbooks.d/loose.yaml", SITE)
    assert told(folder) == [
        "loose.yaml:1: causes are no playbook: put this file into a folder below, such as causes/, and include it"
    ]


def test_a_playbook_that_is_off_includes_nothing(folder: Path) -> None:
    put(folder / "playbooks.d/mine.yaml", f"{BOOK}enabled: false\n")
    (folder / "playbooks.d/causes/site.yaml").unlink()
    assert told(folder) == []
    assert "mine" not in playbooks.load(folder).good


def test_who_asks_for_one_playbook_reads_that_alone(folder: Path) -> None:
    put(folder / "playbooks.d/broken.yaml", "schema: [")
    some = playbooks.load(folder, ["mine"])
    assert (set(some.good), set(some.broken)) == ({"mine"}, set())
    assert playbooks.load(folder, ["nobody"]) == playbooks.load(folder)
