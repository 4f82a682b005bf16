"""The file of a transcript: found out before the work, whole, private, and never in the place of what is no file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from opskit.app.transcript import Transcript, TranscriptError


def refused(path: Path) -> str:
    with pytest.raises(TranscriptError) as caught:
        Transcript(path).insist()
    return str(caught.value)


def test_it_is_whole_and_its_owners_alone(tmp_path):
    path = tmp_path / "incident.md"
    path.write_text("older")
    path.chmod(0o666)
    transcript = Transcript(path)
    transcript.insist()
    assert path.read_text() == "older"
    transcript.write("显存 \ud800")
    assert path.read_text() == "显存 \\ud800"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["incident.md"]


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path / "no" / "x.md").endswith("x.md cannot be written: No such file or directory")
    assert refused(tmp_path / "file" / "x.md").endswith("Not a directory")
    assert refused(tmp_path).endswith("cannot be written: it is a folder")
    assert refused(tmp_path / "pipe").endswith("cannot be written: it is no ordinary file")
    assert refused(tmp_path / "link").endswith("cannot be written: it is no ordinary file")
    assert refused(tmp_path / ("x" * 300)).endswith("cannot be written: File name too long")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_goes_away_meanwhile_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "tickets"
    folder.mkdir()
    transcript = Transcript(folder / "x.md")
    transcript.insist()
    folder.rmdir()
    with pytest.raises(TranscriptError):
        transcript.write("text")
    assert list(tmp_path.iterdir()) == []
