"""What is delivered: a wheel, built from the source package, with every definition and nothing of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("opskit", "checks", "playbooks", "sample_logs", "tests", "docs", "bench")
FILES = ("pyproject.toml", "README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE", "Makefile", ".gitignore")


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source package and the wheel that was built from it, not from the checkout."""
    # A copy, as others may be at work in the checkout while this reads it twice.
    source, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in TOP:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    for name in FILES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, source / name)
    for stray in (".venv/bin/python", ".git/config", ".mypy_cache/x.json", "opskit/__pycache__/x.pyc", "notes.txt"):
        (source / stray).parent.mkdir(parents=True, exist_ok=True)
        (source / stray).write_text("a stray file")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(source)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return target


def members(built: Path, pattern: str) -> dict[str, bytes]:
    """The files of the package by name; of the source package below its one folder."""
    (path,) = built.glob(pattern)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    with tarfile.open(path) as package:
        found = [(item.name.partition("/")[2], package.extractfile(item)) for item in package.getmembers()]
        return {name: stream.read() for name, stream in found if stream is not None}


@pytest.mark.parametrize("kind", ["checks", "playbooks"])
def test_the_wheel_holds_every_definition_byte_for_byte(built, kind):
    prefix = f"opskit/_shipped/{kind}/"
    wheel = {
        name.removeprefix(prefix): data for name, data in members(built, "*.whl").items() if name.startswith(prefix)
    }
    assert wheel == {name: (ROOT / kind / name).read_bytes() for name in files_below(ROOT / kind)}


def test_the_wheel_holds_the_code_the_types_and_the_languages(built):
    wheel = members(built, "*.whl")
    code = {
        f"opskit/{name}" for name in files_below(ROOT / "opskit") if name.endswith((".py", ".mo", ".yaml", "py.typed"))
    }
    assert code - set(wheel) == set()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
    assert {name.partition("/")[0] for name in wheel if ".dist-info" not in name} == {"opskit"}


def test_the_source_package_holds_the_tests_and_the_recorded_incidents(built):
    source = members(built, "*.tar.gz")
    for folder in ("tests", "sample_logs", "checks", "playbooks", "docs"):
        wanted = {f"{folder}/{name}" for name in files_below(ROOT / folder) if "__pycache__" not in name}
        assert wanted - set(source) == set()
    assert {"pyproject.toml", "README.md", "LICENSE"} <= set(source)


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_nothing_of_this_machine_is_delivered(built, pattern):
    stray = (".venv", ".git/", ".mypy_cache", "__pycache__", ".pyc", "notes.txt")
    assert [name for name in members(built, pattern) if any(part in name for part in stray)] == []


def test_an_installed_opskit_finds_its_definitions_in_itself(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*install, "--target", str(tmp_path / "site"), str(wheel)], check=True, timeout=120)
    script = (
        "import opskit.definitions.search as search\n"
        "from opskit.definitions import checks, playbooks\n"
        "print(search.shipped('checks'), search.shipped('playbooks'), sep='\\n')\n"
        "print(*sorted(checks.load().good), *sorted(playbooks.load().good))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", script]
    told = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    *folders, ids = told.stdout.splitlines()
    assert folders == [str(tmp_path / "site/opskit/_shipped" / kind) for kind in ("checks", "playbooks")]
    files = [path for kind in ("checks", "playbooks") for path in sorted((ROOT / kind).glob("*.yaml"))]
    assert ids.split() == [path.stem for path in files if path.name != "facts.yaml"]
