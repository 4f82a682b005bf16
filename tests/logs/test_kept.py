"""What came of a file is kept, is believed only where it can be nobody else's, and never stands in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opskit.definitions import checks, settings
from opskit.definitions.compiled import COMPILED
from opskit.logs import kept
from opskit.model.problem import DefinitionError
from opskit.model.settings import Settings

CHECK = """summary: Disk
why: because
probe: host
every: 1m
timeout: 5s
rules:
  - {{metric: disk_free_pct, warn: '{}:'}}
"""
LOADED = """
import sys
from pathlib import Path
from opskit.definitions import checks, settings
loaded = checks.load(Path(sys.argv[1]), ["mine"])
found = settings.load(Path(sys.argv[1], "opskit.yaml"))
print(loaded.good["mine"].rules[0].warn, found.stack.ollama.model, "yaml" in sys.modules)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a check and a configuration."""
    folder = tmp_path / "site"
    (folder / "checks").mkdir(parents=True)
    (folder / "checks" / "mine.yaml").write_text(CHECK.format(10))
    (folder / "opskit.yaml").write_text("stack: {ollama: {model: 'a:1b'}}\n")
    return folder


def loaded(site: Path) -> str:
    words = [sys.executable, "-c", LOADED, str(site)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def warn_of(site: Path) -> str | None:
    return checks.load(site, ["mine"]).good["mine"].rules[0].warn


def test_what_is_not_changed_is_not_read_as_yaml_again(home: Path, site: Path) -> None:
    assert loaded(site) == "10: a:1b True"
    assert {path.stat().st_mode & 0o777 for path in (home / "opskit").iterdir()} == {0o600}
    assert loaded(site) == "10: a:1b False"


def test_a_change_that_leaves_time_and_size_as_they_were_is_seen(home: Path, site: Path) -> None:
    path = site / "checks" / "mine.yaml"
    assert warn_of(site) == "10:"
    about = path.stat()
    path.write_text(CHECK.format(20))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert path.stat().st_size == about.st_size
    assert warn_of(site) == "20:"
    assert loaded(site).startswith("20: ")


def test_what_was_kept_is_the_same_value(home: Path) -> None:
    read, recalled = checks.load(), checks.load()
    assert {path.name.split("-")[0] for path in (home / "opskit").iterdir()} == {"check"}
    assert recalled == read


def test_a_broken_file_is_read_each_time(home: Path, site: Path) -> None:
    (site / "checks" / "mine.yaml").write_text("summary: {\n")
    for _ in range(2):
        assert [problem.line for problem in checks.load(site, ["mine"]).broken["mine"]]
    (site / "opskit.yaml").write_text("stack: {olama: 1}\n")
    for _ in range(2):
        with pytest.raises(DefinitionError, match="did you mean 'ollama'"):
            settings.load(site / "opskit.yaml")
    assert list((home / "opskit").glob("*")) == []


def forged(home: Path, site: Path) -> Path:
    """Let whoever may write there say that the check is another one: the bytes are right, the value is not."""
    assert warn_of(site) == "10:"
    (path,) = (home / "opskit").iterdir()
    path.write_bytes(path.read_bytes().replace(b"\xa310:", b"\xa399:"))
    assert warn_of(site) == "99:", "what is the user's own is believed"
    return path


def by_others(path: Path) -> None:
    path.chmod(0o620)


def of_others(path: Path) -> None:
    os.chown(path, 12345, -1)


def folder_by_others(path: Path) -> None:
    path.parent.chmod(0o777)


def folder_of_others(path: Path) -> None:
    os.chown(path.parent, 12345, -1)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def folder_linked(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(path.parent.with_name("elsewhere"))


def of_another_reader(path: Path) -> None:
    made_by = kept.reader(COMPILED._code)
    path.write_bytes(path.read_bytes().replace(made_by.encode(), b"0" * len(made_by)))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def no_file(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [by_others, of_others, folder_by_others, folder_of_others, linked, folder_linked, of_another_reader, cut, no_file],
)
def test_what_may_be_somebody_elses_is_not_believed(home: Path, site: Path, spoil: Callable[[Path], None]) -> None:
    if os.geteuid() != 0 and spoil in {of_others, folder_of_others}:
        pytest.skip("only root can give files away")
    spoil(forged(home, site))
    assert warn_of(site) == "10:"


@pytest.mark.parametrize("environment", [{}, {"HOME": "/"}, {"HOME": "/dev/null"}, {"XDG_CACHE_HOME": "cache"}])
def test_without_a_home_everything_is_read(
    site: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert [warn_of(site), warn_of(site)] == ["10:", "10:"]
    assert not Path("/.cache/opskit").exists()
    assert not Path("cache").exists()


def test_root_leaves_nothing_in_the_home_of_whoever_became_root(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    home = tmp_path / "bob"
    (home / ".cache").mkdir(parents=True)
    os.chown(home / ".cache", 12345, -1)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    assert warn_of(site) == "10:"
    assert list((home / ".cache").iterdir()) == []


def test_many_names_do_not_fill_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST", 5)
    for number in range(20):
        COMPILED.keep(b"x", f"/site/{number}.yaml", Settings())
    assert 1 <= len(list((home / "opskit").iterdir())) <= 6
    assert COMPILED.recall(b"x", "/site/19.yaml", Settings) == Settings()
    COMPILED.keep(b"x", "/" + "long" * 100, Settings())
    assert COMPILED.recall(b"x", "/" + "long" * 100, Settings) is None


def test_several_at_once_never_read_a_half(home: Path) -> None:
    texts = [b"a" * 100_000, b"b" * 100_000]

    def turn(number: int) -> bool:
        COMPILED.keep(texts[number % 2], "/site/one.yaml", Settings(locale="zh" if number % 2 else "en"))
        found = COMPILED.recall(texts[0], "/site/one.yaml", Settings)
        return found is None or found.locale == "en"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(turn, range(400)))
    assert len(list((home / "opskit").iterdir())) == 1
