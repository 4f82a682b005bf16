"""The folder of a lab is made, emptied, and never anybody else's."""

from __future__ import annotations

import json
import os

import pytest

from opskit.lab.folder import claim
from opskit.lab.plan import Plan
from opskit.lab.ports import free_ports
from opskit.lab.process import Running, birth_of
from opskit.lab.record import LabError, Record, found, load, locked, save


def test_a_folder_is_made_for_its_owner_alone(tmp_path):
    claim(tmp_path / "a" / "lab")
    assert (tmp_path / "a" / "lab").stat().st_mode & 0o077 == 0


def test_an_empty_folder_will_do(tmp_path):
    claim(tmp_path)
    claim(tmp_path)


def test_a_foreign_folder_loses_nothing(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(LabError, match="is not empty and no folder of a lab"):
        claim(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "three years"
    assert (tmp_path / "photos" / "one.jpg").read_bytes() == b"\xff\xd8"
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "photos"}


def test_a_hidden_file_makes_a_folder_foreign_too(tmp_path):
    (tmp_path / ".ssh").mkdir()
    with pytest.raises(LabError):
        claim(tmp_path)
    assert (tmp_path / ".ssh").is_dir()


def test_a_file_is_no_folder_and_stays(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LabError):
        claim(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_what_an_earlier_lab_left_goes_but_not_what_a_link_in_it_leads_to(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kept").write_text("kept")
    folder = tmp_path / "lab"
    claim(folder)
    (folder / "ollama.log").write_text("old\n")
    (folder / "nginx").mkdir()
    (folder / "nginx" / "nginx.conf").write_text("old\n")
    (folder / "link").symlink_to(mine)
    (folder / "nginx" / "link").symlink_to(mine)
    claim(folder)
    assert [path.name for path in folder.iterdir()] == [".opskit-lab"]
    assert (mine / "kept").read_text() == "kept"


def record_in(folder, **running: Running) -> Record:
    folder.mkdir(exist_ok=True)
    record = Record(Plan(str(folder), free_ports()), running)
    save(record)
    return record


def test_the_folder_of_a_lab_that_is_up_is_refused(tmp_path):
    claim(tmp_path / "lab")
    record_in(tmp_path / "lab", ollama=Running(os.getpid(), birth_of(os.getpid())))
    with pytest.raises(LabError, match=r"a lab is up in .*: opskit lab down ends it"):
        claim(tmp_path / "lab")


def test_the_folder_of_a_lab_that_died_is_emptied(tmp_path):
    claim(tmp_path / "lab")
    record_in(tmp_path / "lab", ollama=Running(os.getpid(), 1))
    claim(tmp_path / "lab")
    assert load(tmp_path / "lab") is None


def test_a_record_comes_back_as_it_was_saved(tmp_path):
    record = record_in(tmp_path / "lab", ollama=Running(17, 4))
    assert load(tmp_path / "lab") == record
    assert record.state_of("ollama") == record.state_of("gateway") == "down"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"plan": {}}', "\0"])
def test_a_record_that_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(LabError, match=r"lab\.json cannot be read .*remove it if no lab runs there"):
        load(tmp_path)


def test_a_lab_is_found_by_its_marker_and_without_one_there_is_none(tmp_path):
    home = {"XDG_STATE_HOME": str(tmp_path)}
    assert found(home) is None
    record = record_in(tmp_path / "lab")
    marker = tmp_path / "opskit" / "lab" / "current"
    marker.parent.mkdir(parents=True)
    marker.write_text(f"{tmp_path / 'lab'}\n")
    assert found(home) == record
    marker.write_text("/nonexistent\n")
    assert found(home) is None


def test_without_a_state_home_the_marker_is_in_the_home(tmp_path):
    marker = tmp_path / ".local" / "state" / "opskit" / "lab" / "current"
    marker.parent.mkdir(parents=True)
    record = record_in(tmp_path / "lab")
    marker.write_text(str(tmp_path / "lab"))
    for state in ({}, {"XDG_STATE_HOME": ""}):
        assert found({"HOME": str(tmp_path), **state}) == record


def test_one_command_at_a_time(tmp_path):
    home = {"XDG_STATE_HOME": str(tmp_path)}
    with locked(home):
        with pytest.raises(LabError, match="another opskit lab command is at work"), locked(home):
            pass
        with locked({"XDG_STATE_HOME": str(tmp_path / "other")}):
            pass
    with locked(home):
        pass


def test_the_record_can_be_read_by_people(tmp_path):
    record_in(tmp_path / "lab", ollama=Running(17, 4))
    text = (tmp_path / "lab" / "lab.json").read_text()
    assert json.loads(text)["running"]["ollama"]["pid"] == 17
    assert text.count("\n") > 10
