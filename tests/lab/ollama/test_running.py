"""The process: its config, its log through opskit's readers, its signals."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.lab.ollama.wording import panic
from opskit.logs.classify import block
from tests.lab.ollama.running import Ollama
from tests.lab.part_process import eventually

Start = Callable[..., Ollama]


def run(config: Path) -> subprocess.CompletedProcess[str]:
    """Start it in the foreground."""
    command = [sys.executable, "-m", "opskit.lab.ollama", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("log: LOG\nmodles: []\n", "unknown field `modles`"),
        ("log: LOG\ndefects: [nonsense]\n", "Invalid enum value 'nonsense'"),
        ("log: LOG\nlisten: everywhere\n", "listen must be HOST:PORT"),
        ("log: LOG\nnum_parallel: 0\n", "num_parallel must be at least 1"),
        ("{}\n", "missing required field `log`"),
    ],
)
def test_a_wrong_config_is_one_line_and_exit_2(tmp_path: Path, text: str, wrong: str) -> None:
    config = tmp_path / "ollama.yaml"
    config.write_text(text.replace("LOG", str(tmp_path / "ollama.log")))
    done = run(config)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert wrong in done.stderr


def test_a_second_server_on_the_same_port_says_so_and_ends(start: Start, tmp_path: Path) -> None:
    ollama = start()
    config = tmp_path / "second.yaml"
    config.write_text(f"listen: 127.0.0.1:{ollama.port}\nlog: {tmp_path / 'second.log'}\n")
    assert run(config).returncode == 1
    assert "bind: address already in use" in (tmp_path / "second.log").read_text()


@pytest.mark.parametrize(
    ("generation", "version", "words"),
    [
        ("0.12", "0.12.3", ["starting runner", "llama runner started in", "waiting for llama runner to start"]),
        ("0.30", "0.32.15", ["starting llama-server", "llama-server started in", "--ctx-size 4096 --parallel 1"]),
    ],
)
def test_each_generation_has_its_words(start: Start, generation: str, version: str, words: list[str]) -> None:
    ollama = start(generation=generation)
    ollama.generate("")
    assert ollama.get("/api/version") == {"version": version}
    text = ollama.text()
    assert all(word in text for word in words)
    assert f"--port {ollama.runner_url().rpartition(':')[2]}" in text
    assert ("llama-server" in re.sub("srv .*", "", text)) == (generation == "0.30")


def test_lines_have_the_time_of_their_request(start: Start) -> None:
    ollama = start()
    ollama.generate(options={"num_predict": 2})
    eventually(lambda: ollama.statuses("/api/generate") == [200])
    times = [event.at for event in ollama.events()]
    assert None not in times
    stamps = re.findall(r"^time=(\S+) level=INFO source=\w+\.go:\d+ msg=", ollama.text(), re.MULTILINE)
    assert len(stamps) > 5
    assert stamps == sorted(stamps)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)", stamp) for stamp in stamps)


def test_no_path_of_this_host_is_in_the_log(start: Start, engine: str) -> None:
    ollama = start(engine=engine)
    ollama.generate(options={"num_predict": 1})
    assert "site-packages" not in ollama.text()
    assert str(Path(__file__).parents[3]) not in ollama.text()
    assert "/usr/share/ollama/.ollama/models/blobs/sha256-" in ollama.text()


def test_a_hangup_reads_the_config_and_keeps_the_model(start: Start) -> None:
    ollama = start(generation="0.12")
    ollama.generate("")
    runner = ollama.runner().pid
    ollama.reload(generation="0.30", log=str(ollama.part.folder / "fresh.log"))
    assert ollama.get("/api/version") == {"version": "0.32.15"}
    assert ollama.runner().pid == runner
    assert len(ollama.loaded()) == 1
    ollama.part.file.write_text("nonsense: 1\n")
    ollama.part.child.send_signal(1)
    eventually(lambda: "nonsense" in ollama.part.output.read_text())
    assert ollama.get("/api/version") == {"version": "0.32.15"}


def test_a_panic_is_seen_for_what_it_is() -> None:
    assert block(panic().splitlines()) == "panic"
