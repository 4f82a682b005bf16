"""`opskit lint`: a whole folder of mistakes in one run, each with its file and line, and 3 for the one who asks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SOUND = """\
summary: {en: Fine, zh: 正常}
why: {en: Because, zh: 因为}
probe: gpu
rules: [{metric: lost, crit: "0"}]
every: 1m
timeout: 5s
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every broken definition there is, checks and playbooks, beside one that is sound and one that masks."""
    made = tmp_path / "definitions"
    shutil.copytree(TESTS / "app" / "wrong", made)
    for kind, name in (("checks", "invalid"), ("playbooks", "invalid_playbooks")):
        for path in (TESTS / "definitions" / name).iterdir():
            shutil.copy(path, made / kind / f"notation-{path.name}")
    (made / "checks" / "sound.yaml").write_text(SOUND)
    (made / "checks" / "latency.yaml").write_text("enabled: false\n")
    return made


def expected(name: str, kind: str) -> set[str]:
    """The places of the lines in a list of mistakes, `checks/x.yaml:3`."""
    written = (TESTS / f"{name}.expected").read_text("utf-8").splitlines()
    places = {line.partition(": ")[0] for line in written}
    return {f"{kind}/notation-{place}" for place in places} if kind else places


def test_every_mistake_of_a_folder_is_told_in_one_run(opskit, folder):
    ended = opskit("--definitions", str(folder), "lint")
    *told, count = ended.stdout.splitlines()
    places = {line.removeprefix(f"{folder}/").partition(": ")[0] for line in told}
    wanted = (
        expected("definitions/invalid", "checks")
        | expected("definitions/invalid_playbooks", "playbooks")
        | expected("app/wrong", "")
    )
    assert places == wanted
    assert (ended.returncode, ended.stderr) == (3, "")
    errors = [line for line in told if not line.endswith(" (advice)")]
    assert count.endswith(f" files, {len(errors)} errors")


def test_mistakes_of_notation_and_of_content_are_told_of_one_file(opskit, tmp_path):
    text = SOUND.replace("every: 1m", "every: 60\nevery: 1m").replace("probe: gpu", "probe: !!str gpu")
    (tmp_path / "x.yaml").write_text(text.replace("timeout: 5s", "timeout: soon"))
    told = opskit("--definitions", str(tmp_path), "lint").stdout.splitlines()
    assert [line.removeprefix(f"{tmp_path}/").partition(": ")[0] for line in told] == [
        "x.yaml:3", "x.yaml:5", "x.yaml:6", "x.yaml:7", told[-1],
    ]  # fmt: skip


def test_the_same_is_told_to_programs(opskit, folder):
    plain = opskit("--definitions", str(folder), "lint").stdout.splitlines()
    report = json.loads(opskit("lint", "--json", str(folder)).stdout)
    places = [f"{item['file']}:{item['line']}" if item["line"] else item["file"] for item in report["problems"]]
    assert places == [line.partition(": ")[0] for line in plain[:-1]]


def test_a_folder_without_mistakes_ends_with_0(opskit, tmp_path):
    (tmp_path / "sound.yaml").write_text(SOUND)
    ended = opskit("--definitions", str(tmp_path), "lint")
    assert ended.returncode == 0
    assert ended.stdout.endswith(" files, 0 errors\n")


def test_a_check_that_cannot_run_names_the_line_too(opskit, tmp_path):
    (tmp_path / "gpu-x.yaml").write_text(SOUND.replace("probe: gpu", "probe: gpu\nwith:\n  expected: two\n  limit: 3"))
    ended = opskit("--definitions", str(tmp_path), "check", "gpu-x")
    assert ended.returncode == 3
    assert "gpu-x.yaml:5: with.expected: expected a whole number, got 'two'" in ended.stdout
    assert "gpu-x.yaml:6: with: unknown key 'limit'" in ended.stdout


def test_a_playbook_with_an_unknown_probe_is_told_all_there_are(opskit, tmp_path):
    shutil.copy(TESTS / "app" / "wrong" / "playbooks" / "use.yaml", tmp_path)
    ended = opskit("--definitions", str(tmp_path), "triage", "use")
    assert ended.returncode == 3
    assert "use.yaml:8: probes.host: unknown probe 'hosst', expected one of canary, " in ended.stdout
