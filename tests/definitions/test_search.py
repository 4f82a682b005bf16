"""Where definitions are found, which one is in force, and that no file or folder stops the others from being used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opskit.definitions import checks, playbooks
from opskit.definitions.loaded import Loaded
from opskit.definitions.search import find, shipped
from opskit.model.check import Check
from opskit.model.problem import DefinitionError

CHECK = "summary: {0}\nwhy: w\nprobe: host\nrules: [{{metric: load_per_core}}]\nevery: 1m\ntimeout: 5s\n"
PLAYBOOK = (shipped("playbooks") / "chat-stuck.yaml").read_text("utf-8")
SHIPPED = {
    "certificate", "clawdbot-health", "gateway-errors", "gpu-memory", "gpu-temperature", "host-resources", "latency",
    "nginx-errors", "ollama-health",
}  # fmt: skip


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def lines(loaded: Loaded[Check], folder: Path) -> list[str]:
    return [problem.render().replace(f"{folder}/", "") for problem in loaded.problems]


def test_without_a_folder_the_shipped_ones_are_in_force():
    loaded = checks.load()
    assert set(loaded.good) >= SHIPPED
    assert loaded.problems == ()
    assert set(playbooks.load().good) >= {"chat-stuck"}


@pytest.mark.parametrize("place", ["checks/mine.yaml", "checks.d/mine.yaml", "mine.yaml", "mine.yml"])
def test_a_check_is_found_in_each_layout(tmp_path, place):
    path = put(tmp_path / place, CHECK.format("Mine"))
    loaded = checks.load(tmp_path)
    assert set(loaded.good) == {*checks.load().good, "mine"}
    assert (loaded.good["mine"].id, loaded.good["mine"].source) == ("mine", str(path))
    assert "mine" not in playbooks.load(tmp_path).good


@pytest.mark.parametrize("place", ["playbooks/mine.yaml", "playbooks.d/mine.yaml", "mine.yaml"])
def test_a_playbook_is_found_in_each_layout(tmp_path, place):
    put(tmp_path / place, PLAYBOOK)
    assert set(playbooks.load(tmp_path).good) == {*playbooks.load().good, "mine"}
    assert checks.load(tmp_path) == checks.load()


@pytest.mark.parametrize(
    ("places", "winner"),
    [
        (["checks/gpu-memory.yaml"], "checks/gpu-memory.yaml"),
        (["checks/gpu-memory.yaml", "checks.d/gpu-memory.yaml"], "checks.d/gpu-memory.yaml"),
        (["gpu-memory.yaml", "checks.d/gpu-memory.yaml"], "gpu-memory.yaml"),
    ],
)
def test_the_same_id_replaces_the_whole_file_and_the_last_folder_wins(tmp_path, places, winner):
    for place in places:
        put(tmp_path / place, CHECK.format(place))
    check = checks.load(tmp_path).good["gpu-memory"]
    assert (check.summary.en, check.probe, check.playbook) == (winner, "host", None)
    assert checks.load(tmp_path).problems == ()


@pytest.mark.parametrize("text", ["enabled: false\n", CHECK.format("x") + "enabled: false\n"])
@pytest.mark.parametrize("place", ["checks/latency.yaml", "latency.yaml"])
def test_a_check_is_masked_by_its_id(tmp_path, place, text):
    put(tmp_path / place, text)
    assert set(checks.load(tmp_path).good) == set(checks.load().good) - {"latency"}
    assert checks.load(tmp_path).problems == ()


@pytest.mark.parametrize("place", ["playbooks/chat-stuck.yaml", "chat-stuck.yaml"])
def test_a_playbook_is_masked_by_its_id(tmp_path, place):
    put(tmp_path / place, "# ours is another stack\nenabled: false\n")
    assert set(playbooks.load(tmp_path).good) == set(playbooks.load().good) - {"chat-stuck"}
    assert playbooks.load(tmp_path).problems == ()


def test_enabled_true_is_the_same_as_nothing(tmp_path):
    put(tmp_path / "mine.yaml", CHECK.format("Mine") + "enabled: true\n")
    assert checks.load(tmp_path).good["mine"].summary.en == "Mine"


def test_a_broken_file_is_told_and_the_others_stay_in_force(tmp_path):
    put(tmp_path / "checks/gpu-memory.yaml", CHECK.format("x").replace("1m", "soon"))
    put(tmp_path / "checks/mine.yaml", CHECK.format("Mine"))
    loaded = checks.load(tmp_path)
    assert set(loaded.good) == {*checks.load().good, "mine"} - {"gpu-memory"}
    assert set(loaded.broken) == {"gpu-memory"}
    assert lines(loaded, tmp_path) == [
        "checks/gpu-memory.yaml:5: every: expected a duration with its unit, such as 30s, 15m, 1h or 7d, got 'soon'"
    ]


def test_what_is_no_readable_file_is_told_and_nothing_waits_for_it(tmp_path):
    folder = tmp_path / "checks"
    put(folder / "mine.yaml", CHECK.format("Mine"))
    os.mkfifo(folder / "fifo.yaml")
    (folder / "folder.yaml").mkdir()
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "device.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "loose.yaml")
    loaded = checks.load(tmp_path)
    assert set(loaded.good) == {*checks.load().good, "mine"}
    assert lines(loaded, tmp_path) == [
        "checks/dangling.yaml: cannot be read: No such file or directory",
        "checks/device.yaml: not a regular file",
        "checks/fifo.yaml: not a regular file",
        "checks/folder.yaml: not a regular file",
        "checks/loop.yaml: cannot be read: Too many levels of symbolic links",
        "loose.yaml: not a regular file",
    ]
    assert playbooks.load(tmp_path).problems == ()


def test_a_folder_that_cannot_be_read_is_told_and_the_others_stay_in_force(tmp_path):
    (tmp_path / "checks").symlink_to("checks")
    put(tmp_path / "mine.yaml", CHECK.format("Mine"))
    loaded = checks.load(tmp_path)
    assert "mine" in loaded.good
    assert loaded.broken == {}
    assert lines(loaded, tmp_path) == ["checks: cannot be read: Too many levels of symbolic links"]


@pytest.mark.parametrize("place", ["nowhere", "file.txt"])
def test_a_folder_that_was_asked_for_and_does_not_exist_is_told(tmp_path, place):
    put(tmp_path / "file.txt", "x")
    loaded = checks.load(tmp_path / place)
    assert lines(loaded, tmp_path) == [f"{place}: there is no such folder"]
    assert set(loaded.good) == set(checks.load().good)


def test_two_files_with_one_id_in_a_folder_are_told_and_one_of_them_counts(tmp_path):
    put(tmp_path / "checks/mine.yaml", CHECK.format("yaml"))
    put(tmp_path / "checks/mine.yml", CHECK.format("yml"))
    loaded = checks.load(tmp_path)
    assert loaded.good["mine"].summary.en == "yaml"
    assert lines(loaded, tmp_path) == [
        "checks/mine.yml: has the same id as mine.yaml beside it, so only that one is read"
    ]


@pytest.mark.parametrize("name", ["a b.yaml", "-h.yaml", "显存.yaml", "a.b.yaml", f"{'a' * 64}.yaml"])
def test_a_name_that_would_collide_in_labels_and_commands_is_refused(tmp_path, name):
    put(tmp_path / "checks" / name, CHECK.format("Mine"))
    loaded = checks.load(tmp_path)
    assert set(loaded.good) == set(checks.load().good)
    (line,) = lines(loaded, tmp_path)
    assert line.startswith(f"checks/{name}:1: the file's name: expected a file name of letters, digits, '-' and '_'")


def test_files_of_editors_other_files_and_the_configuration_are_left_alone(tmp_path):
    for name in (".mine.yaml", ".#mine.yaml", "mine.yaml~", "mine.yaml.bak", "README.md", "opskit.yaml"):
        put(tmp_path / name, "not: a check\n")
        put(tmp_path / "checks" / name, "not: a check\n")
    assert checks.load(tmp_path) == checks.load()
    assert playbooks.load(tmp_path) == playbooks.load()


def test_the_strict_search_refuses_what_the_tolerant_one_tells(tmp_path):
    put(tmp_path / "checks/mine.yaml", CHECK.format("x"))
    put(tmp_path / "checks/mine.yml", CHECK.format("x"))
    with pytest.raises(DefinitionError, match="has the same id"):
        find("checks", tmp_path)
    assert set(find("checks")) == set(checks.load().good)


def test_a_file_of_gigabytes_is_refused_without_being_read(tmp_path):
    with put(tmp_path / "checks/huge.yaml", "a: 1\n").open("r+b") as file:
        file.truncate(64 << 30)
    loaded = checks.load(tmp_path)
    assert lines(loaded, tmp_path) == ["checks/huge.yaml: the file is larger than 1 MiB; a definition is a few pages"]


def test_who_asks_for_some_reads_those_alone(tmp_path: Path) -> None:
    put(tmp_path / "checks" / "good.yaml", CHECK.format("s"))
    put(tmp_path / "checks" / "broken.yaml", "summary: [")
    put(tmp_path / "checks" / "gone.yaml", "enabled: false")
    some = checks.load(tmp_path, ["good"])
    assert (set(some.good), set(some.broken)) == ({"good"}, set())
    assert some.good["good"] == checks.load(tmp_path).good["good"]
    assert set(checks.load(tmp_path, ["broken", "good"]).broken) == {"broken"}
    # Whoever asks for what is not there is told all that is.
    for name in ("gone", "nobody"):
        assert checks.load(tmp_path, ["good", name]) == checks.load(tmp_path)
