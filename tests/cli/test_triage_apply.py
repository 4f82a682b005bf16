"""`opskit triage --apply`: commands are run where a person says so, at a real terminal, and then it is looked again."""

from __future__ import annotations

import json
import os
import re
import select

import pytest

from tests.cli.switch import ABSENT, LOOK, TURN
from tests.report.schema import wrong


def test_what_is_said_yes_to_is_run_and_what_came_of_it_is_kept(opskit, site):
    person = site.person("--md", str(site.ticket), remedy=[LOOK, TURN, ABSENT])
    person.reads("Run it (1 of 3, at most 60 s)? [y/N/q] ")
    assert "certain" in person.seen
    person.types("y\n")
    person.reads("\n  | dark\n")
    person.reads("Run it (2 of 3, at most 300 s)? [y/N/q] ")
    assert "undo: truncate -s0" in person.seen
    assert site.switch.read_text() == "dark\n"
    person.types("yes\n")
    person.reads("exit code 0 after")
    person.reads("Run it (3 of 3")
    person.types("y\n")
    person.reads("not started: there is no program no-such-program here")
    assert person.leaves() == 0
    assert "It helped: switch.ok is yes" in person.seen
    ticket = site.ticket.read_text()
    for part in (
        "# FAULT OPS901",
        "exit code 0 after",
        "   dark\n",
        "Before: switch.ok is no",
        "It helped: switch.ok is yes",
    ):
        assert part in ticket
    last = opskit("triage", "--last", "--json")
    told = json.loads(last.stdout)
    assert last.returncode == told["exit_code"] == 0
    assert wrong(told) == []
    assert [item["fate"] for item in told["treatment"]["remedies"]] == ["ended", "ended", "not-started"]
    assert (told["treatment"]["before"]["holds"], told["treatment"]["after"]["holds"]) == ("no", "yes")
    assert "FAULT OPS901, certain; what was done about it helped (opskit triage --last)" in opskit("status").stdout


def test_enter_is_no_and_what_was_typed_before_the_question_is_no_answer(site):
    person = site.person(remedy=[TURN, TURN], ahead=b"y\ny\n")
    person.reads("Run it (1 of 2, at most 300 s)? [y/N/q] ")
    person.types("\n")
    person.reads("Run it (2 of 2, at most 300 s)? [y/N/q] ")
    person.types("sure\n")
    assert person.leaves() == 2
    assert person.seen.count("declined") == 2
    assert site.switch.read_text() == "dark\n"


@pytest.mark.parametrize("keys", ["q\n", "\x04"])
def test_quitting_declines_the_rest(site, keys):
    person = site.person(remedy=[TURN, TURN])
    person.reads("[y/N/q] ")
    person.types(keys)
    assert person.leaves() == 2
    assert person.seen.count("declined") == 2
    assert person.seen.count("[y/N/q]") == 1


def test_ctrl_c_at_the_question_ends_it_all(opskit, site):
    person = site.person(remedy=[TURN])
    person.reads("[y/N/q] ")
    person.types("\x03")
    assert person.leaves() == 130
    assert "Traceback" not in person.seen
    kept = opskit("triage", "--last", "--json")
    assert kept.returncode == 2
    assert json.loads(kept.stdout)["treatment"]["stopped"] is True


def test_ctrl_c_while_a_command_runs_stops_it_and_is_in_the_ticket(site):
    os.mkfifo(site.folder / "begun")
    begun = os.open(site.folder / "begun", os.O_RDONLY | os.O_NONBLOCK)
    hold_on = {"text": "Wait", "run": ["sh", "-c", f"echo > {site.folder}/begun; sleep 60"], "risk": "read-only"}
    person = site.person("--yes", "--md", str(site.ticket), remedy=[hold_on, TURN])
    assert select.select([begun], [], [], 30.0)[0]
    os.close(begun)
    person.types("\x03")
    assert person.leaves() == 130
    assert "stopped by Ctrl-C after" in person.seen
    assert "stopped by Ctrl-C after" in site.ticket.read_text()
    assert site.switch.read_text() == "dark\n"


@pytest.mark.parametrize(("words", "env"), [(["--no-input"], {}), ([], {"CI": "true"})])
def test_at_a_terminal_of_which_nobody_promised_a_person_nothing_is_asked(site, words, env):
    person = site.person(*words, remedy=[LOOK, TURN], **env)
    assert person.leaves() == 2
    assert "remedies are not run" in person.seen
    assert "[y/N/q]" not in person.seen


def test_without_a_terminal_one_line_says_that_nothing_is_run(opskit, site):
    done = opskit(*site.words(remedy=[LOOK, TURN]), stdin=None)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "remedies are not run" in done.stderr
    assert site.switch.read_text() == "dark\n"


def test_yes_runs_what_is_read_only_and_nothing_else(opskit, site):
    unstated = {"text": "Who knows", "run": ["cp", "ON", "SWITCH"]}
    done = opskit(*site.words("--yes", "--json", remedy=[LOOK, TURN, unstated]))
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"] == 2
    assert wrong(told) == []
    assert [item["fate"] for item in told["treatment"]["remedies"]] == ["ended", "not-asked", "not-asked"]
    assert told["treatment"]["after"] is None
    assert site.switch.read_text() == "dark\n"


@pytest.mark.parametrize(
    ("run", "code", "said"),
    [
        (["true"], 2, " s: switch.ok is no; it helped when this holds: switch.ok"),
        (["rm", "SWITCH"], 3, "Cannot tell whether it helped: switch.ok is unknown"),
    ],
)
def test_what_did_not_help_is_not_called_a_cure(site, run, code, said):
    remedy = {"text": "Try", "run": run, "risk": "disruptive", "undo": ["truncate", "-s0", "SWITCH"]}
    person = site.person("--wait", "0", remedy=[remedy], COLUMNS="300")
    person.reads("[y/N/q] ")
    person.types("y\n")
    assert person.leaves() == code
    assert said in person.seen
    assert "to take it back: truncate -s0" in person.seen


def test_what_holds_once_and_not_the_next_time_is_no_cure(site):
    looks = site.folder / "looks"
    looks.write_text("0")
    script = site.folder / "look.sh"
    script.write_text(f"n=$(cat {looks}); echo $((n + 1)) >{looks}; [ $n = 1 ] && echo up || {{ echo down; exit 1; }}")
    remedy = {"text": "Try", "run": ["true"], "risk": "changes-state", "undo": ["true"]}
    person = site.person("--wait", "0", remedy=[remedy], looks=["sh", str(script)])
    person.reads("[y/N/q] ")
    person.types("y\n")
    assert person.leaves() == 2
    assert looks.read_text() == "3\n"
    assert re.search(r"Not yet, after \d+ s: switch.ok is no", person.seen)


def test_what_a_command_prints_drives_no_terminal_and_gives_no_secret_away(opskit, site):
    site.switch.write_bytes(b"\x1b[31mpassword=hunter2\x1b[0m\n```\n\x1b]0;title\x07\x9b2J \xff\n")
    done = opskit(*site.words("--yes", "--md", str(site.ticket), remedy=[LOOK]))
    ticket, kept = site.ticket.read_text(), opskit("triage", "--last", "--json").stdout
    for text in (done.stdout, done.stderr, ticket, kept):
        assert "hunter2" not in text
        assert "\x1b" not in text
    assert "  | password=[redacted]\n  | ```\n" in done.stderr
    assert "   ````\n   password=\\[redacted\\]\n" not in ticket
    assert "   ````\n   password=[redacted]\n   ```\n" in ticket


def test_where_nothing_is_wrong_nothing_is_offered(opskit, site):
    site.switch.write_text("on\n")
    done = opskit(*site.words("--yes", remedy=[LOOK]))
    assert done.returncode == 0
    assert "no cause is named, so there is nothing to run" in done.stderr
    site.switch.unlink()
    done = opskit(*site.words("--yes", remedy=[LOOK]))
    assert done.returncode == 3
    assert "no cause is named, so there is nothing to run" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--apply", "--from", "sample_logs/gateway-killed"],
        ["--apply", "--last"],
        ["--last", "--from", "sample_logs/gateway-killed"],
        ["--yes"],
        ["--apply", "--wait", "nan"],
    ],
)
def test_what_cannot_be_meant_together_is_refused(opskit, words):
    done = opskit("triage", *words)
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN - --")


def test_of_long_output_the_middle_is_missing_and_no_half_of_a_secret_is_shown(opskit, site):
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *["MIIsecret" * 7] * 1500, "-----END PRIVATE KEY-----"])
    site.switch.write_text("first line\n" + "filler\n" * 2000 + key + "\nlast line\n")
    told = json.loads(opskit(*site.words("--yes", "--json", remedy=[LOOK])).stdout)["treatment"]["remedies"][0]
    assert told["output_left_out_bytes"] == site.switch.stat().st_size - (64 << 10)
    assert told["output"].startswith("first line\n")
    assert told["output"].endswith(f"\n... {told['output_left_out_bytes']} bytes left out ...\nlast line")
    assert "MIIsecret" not in told["output"]
