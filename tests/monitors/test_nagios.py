"""A real Nagios 4 runs opskit's checks as plugins, and takes their results from its command file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitors.nagios import Nagios, nagios_in
from tests.monitors.watch import (
    FIRST,
    MORE,
    PERFDATA,
    SAID,
    STATES,
    check,
    configure,
    definitions,
    opskit,
    waited_for,
)

PASSIVE = [f"opskit-{name}" for name in SAID if name != "blind"] + ["Nobody looks"]
NAMES = {name: f"opskit-{name}" for name in SAID} | {"blind": "Nobody looks"}


@pytest.fixture(scope="module")
def nagios(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nagios]:
    folder = tmp_path_factory.mktemp("nagios")
    definitions(folder / "definitions")
    own = {"command_file": str(folder / "nagios.cmd"), "host": "chat1", "services": {"blind": "Nobody looks"}}
    configure(folder, {"nagios": own})
    with nagios_in(folder, list(SAID), PASSIVE, [*opskit(folder), "check", "--no-record"]) as server:
        yield server


@pytest.fixture(scope="module")
def submitted(nagios: Nagios) -> Nagios:
    """All results handed over at once."""
    done = check(nagios.folder, *SAID, "--submit", "--json")
    assert done.stderr == ""
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 2
    return nagios


def meant(name: str) -> tuple[int, str, str, list[str]]:
    """What was said; Nagios itself makes colons of the semicolons in a first line (base/checks.c)."""
    return STATES[name], FIRST[name].replace(";", ":"), MORE[name], PERFDATA[name]


def shown(nagios: Nagios, service: str) -> tuple[int, str, str, list[str]]:
    found = waited_for(lambda: nagios.service(service))
    # status.dat has a line for each value: Nagios writes line ends and backslashes as two characters.
    more = found["long_plugin_output"].replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
    return int(found["current_state"]), found["plugin_output"], more, found["performance_data"].split()


@pytest.mark.parametrize("name", SAID)
def test_nagios_runs_a_check_and_shows_what_it_says(nagios: Nagios, name: str) -> None:
    assert shown(nagios, f"active-{name}") == meant(name)


@pytest.mark.parametrize("name", SAID)
def test_nagios_takes_a_result_that_it_did_not_ask_for(submitted: Nagios, name: str) -> None:
    assert shown(submitted, NAMES[name]) == meant(name)


def test_lines_for_the_pipe_are_printed_for_whoever_carries_them(nagios: Nagios) -> None:
    done = check(nagios.folder, "calm", "down", "--output", "nagios-passive", "--host", "chat 2")
    assert (done.returncode, done.stderr) == (2, "")
    heads = sorted(line.partition("] ")[2].split(";")[:4] for line in done.stdout.splitlines())
    assert heads == [
        ["PROCESS_SERVICE_CHECK_RESULT", "chat 2", f"opskit-{n}", c] for n, c in (("calm", "0"), ("down", "2"))
    ]


WRONG = [
    (("calm", "--host", "a;b"), "--host: expected a name as Nagios and Icinga take it"),
    (("calm", "--submit", "--from", "."), "--submit is for this host: a bundle was measured at another time"),
    (("calm", "-w", "5"), "-w, -c: calm has no rules: its probe brings a state and thresholds of its own"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_cannot_be_submitted_is_refused_before_anything_runs(
    nagios: Nagios, words: tuple[str, ...], sentence: str
) -> None:
    done = check(nagios.folder, *words)
    assert done.returncode == 3
    assert f"UNKNOWN - {sentence}" in done.stdout


def test_a_nagios_that_is_not_there_changes_no_exit_code(tmp_path: Path) -> None:
    definitions(tmp_path / "definitions")
    configure(tmp_path, {"nagios": {"command_file": str(tmp_path / "nagios.cmd")}})
    done = check(tmp_path, "tight", "--submit")
    assert (done.returncode, done.stdout.splitlines()[0].partition(" | ")[0]) == (1, FIRST["tight"])
    assert (
        done.stderr == f"opskit: the command file {tmp_path}/nagios.cmd cannot be written: No such file or directory\n"
    )
    configure(tmp_path, {})
    refused = check(tmp_path, "tight", "--submit")
    assert (refused.returncode, refused.stdout.partition(":")[0]) == (3, "UNKNOWN - --submit")
