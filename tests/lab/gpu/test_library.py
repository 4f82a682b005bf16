"""How the library is compiled, and how readers find its state beside it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from opskit.lab.gpu import library as sources
from opskit.lab.gpu import state
from opskit.lab.gpu.library import CompileError, build
from tests.lab.gpu.cards import Cards

STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-fsyntax-only"]


@pytest.mark.parametrize("compiler", [name for name in ("gcc", "clang") if shutil.which(name)])
def test_it_compiles_without_a_warning(compiler: str) -> None:
    done = subprocess.run([compiler, *STRICT, str(sources.SOURCE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_built_once_and_again_for_another_recipe(tmp_path: Path) -> None:
    first = build(tmp_path).stat().st_ino
    assert build(tmp_path).stat().st_ino == first
    assert build(tmp_path, without=["nvmlDeviceGetName"]).stat().st_ino != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built-from", sources.NAME]


def test_a_machine_without_a_compiler_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError, match="apt-get install gcc"):
        build(tmp_path)
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'no such header: dlfcn.h' >&2\nexit 1\n")
    broken.chmod(0o700)
    with pytest.raises(CompileError, match=r"cc could not build .* no such header"):
        build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cc"]


def test_the_state_stands_beside_the_library_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path / "a b").parent
    cards = Cards(folder / "state", folder, gpus=3)
    monkeypatch.setattr(Cards, "environment", {"LD_LIBRARY_PATH": str(folder)})
    cards.load(**{"gpu0.temp": 61, "gpu1.temp": 61}).set(**{"gpu1.temp": 94})
    assert cards.ask("n.nvmlDeviceGetCount()", "[n.nvmlDeviceGetTemperature(h(k), 0) for k in range(3)]") == [
        3,
        [61, 94, 41],
    ]


def test_a_write_is_seen_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "card"
    state.write(file, {"gpus": 1, "gpu0.temp": 50})
    assert file.read_text() == "gpus 1\ngpu0.temp 50\n"
    assert [path.name for path in file.parent.iterdir()] == ["card"]
