"""A real Icinga 2 runs opskit's checks as plugins, takes results by its API, and misses those that do not come."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitors.icinga import PASSWORD, Icinga, icinga_in
from tests.monitors.watch import (
    FIRST,
    MORE,
    PERFDATA,
    ROOT,
    SAID,
    STATES,
    check,
    configure,
    definitions,
    environment,
    opskit,
    waited_for,
)

CALM = "opskit-calm"


def settings(icinga: Icinga, **changes: object) -> dict[str, object]:
    """The settings of a user of the API; None takes a key out."""
    own = {
        "url": icinga.url,
        "host": "chat1",
        "user": "opskit",
        "password_file": str(icinga.folder / "password"),
        "ca_file": str(icinga.authority.ca_file),
    }
    return {"icinga": {name: value for name, value in {**own, **changes}.items() if value is not None}}


@pytest.fixture(scope="module")
def icinga(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Icinga]:
    folder = tmp_path_factory.mktemp("icinga")
    definitions(folder / "definitions")
    (folder / "password").write_text(PASSWORD + "\n")
    told = [*(f"opskit-{name}" for name in SAID), "alive", "by certificate"]
    with icinga_in(folder, list(SAID), told, [*opskit(folder), "check", "--no-record"]) as server:
        configure(folder, settings(server))
        for name in SAID:
            server.check_now(f"active-{name}")
        yield server


@pytest.fixture(scope="module")
def submitted(icinga: Icinga) -> Icinga:
    """All results handed over at once."""
    done = check(icinga.folder, *SAID, "--submit", "--json")
    assert done.stderr == ""
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 2
    return icinga


def shown(found: dict[str, Any]) -> tuple[float, str, list[str]]:
    result = found["last_check_result"]
    # Icinga keeps the blank before the `|`, which Nagios takes away.
    return found["state"], result["output"].replace(" \n", "\n"), result["performance_data"]


@pytest.mark.parametrize("name", SAID)
def test_icinga_runs_a_check_and_shows_what_it_says(icinga: Icinga, name: str) -> None:
    found = waited_for(lambda: icinga.service(f"active-{name}"))
    assert shown(found) == (STATES[name], f"{FIRST[name]}\n{MORE[name]}", PERFDATA[name])


@pytest.mark.parametrize("name", SAID)
def test_icinga_takes_a_result_that_it_did_not_ask_for(submitted: Icinga, name: str) -> None:
    found = waited_for(lambda: submitted.service(f"opskit-{name}"))
    assert shown(found) == (STATES[name], f"{FIRST[name]}\n{MORE[name]}", PERFDATA[name])
    result = found["last_check_result"]
    assert result["ttl"] == 180  # three times the minute of the check
    assert not result["active"]
    assert result["check_source"] == platform.node()
    assert result["command"] == ["opskit", "check", name]
    assert result["execution_start"] <= result["execution_end"]


def test_a_certificate_is_as_good_as_a_password(icinga: Icinga, tmp_path: Path) -> None:
    certificate = str(icinga.authority.certificate("chat1.example.com"))
    changes = {"user": None, "password_file": None, "certificate_file": certificate, "service": "by {check}"}
    definitions(tmp_path / "definitions")
    configure(tmp_path, settings(icinga, **changes, services={"down": "by certificate"}))
    assert (done := check(tmp_path, "down", "--submit")).stderr == ""
    assert done.returncode == 2
    assert shown(waited_for(lambda: icinga.service("by%20certificate")))[0] == 2


REFUSED = {
    "a wrong password": ({"password_file": "wrong"}, "does not accept the user, password or certificate (401)"),
    "no such user": ({"user": "nobody"}, "does not accept the user, password or certificate (401)"),
    "a user without the permission": ({"user": "reader"}, "lacks the permission actions/process-check-result (404)"),
    "an unknown service": ({"service": "no-{check}"}, "Icinga has no service chat1!no-calm\n"),
    "an unknown host": ({"host": "chat2"}, "Icinga has no service chat2!opskit-calm\n"),
    "a service that takes none": ({"services": {"calm": "closed"}}, "Passive checks are disabled"),
    "a CA that is not trusted": ({"ca_file": None}, "does not verify"),
    "a CA file that is missing": ({"ca_file": "/nowhere/ca.pem"}, "the CA file /nowhere/ca.pem cannot be used"),
    "a password file that is missing": ({"password_file": "/nowhere"}, "The password file /nowhere cannot be read"),
    "nobody at the address": ({"url": "https://127.0.0.1:9"}, "connection refused by https://127.0.0.1:9"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_goes_wrong_is_one_sentence_and_the_exit_code_is_that_of_the_check(
    icinga: Icinga, tmp_path: Path, case: str
) -> None:
    changes, sentence = REFUSED[case]
    if changes.get("password_file") == "wrong":
        (tmp_path / "wrong").write_text("incorrect-7")
        changes = {"password_file": str(tmp_path / "wrong")}
    definitions(tmp_path / "definitions")
    configure(tmp_path, settings(icinga, **changes))
    done = check(tmp_path, "calm", "--submit")
    assert done.returncode == 0
    assert done.stdout.startswith("CALM OK")
    assert len(done.stderr.splitlines()) == 1
    assert sentence in done.stderr
    assert PASSWORD not in done.stderr


def test_a_daemon_submits_by_itself_and_its_silence_is_noticed(icinga: Icinga, tmp_path: Path) -> None:
    definitions(tmp_path / "definitions", every="500ms")
    for name in STATES.keys() - {"calm"}:
        (tmp_path / "definitions" / f"{name}.yaml").write_text("enabled: false\n")
    configure(tmp_path, settings(icinga, services={"calm": "alive"}))
    command = [*opskit(tmp_path), "run", "--for", "60"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE) as daemon:
        try:
            alive = waited_for(lambda: icinga.service("alive"))
        finally:
            daemon.terminate()
            daemon.communicate(timeout=20)
    assert (alive["state"], alive["last_check_result"]["ttl"]) == (0, 1.5)
    stale = waited_for(lambda: found if (found := icinga.service("alive")) and found["state"] == 3 else None)
    assert stale["last_check_result"]["output"] == "no result for too long"
