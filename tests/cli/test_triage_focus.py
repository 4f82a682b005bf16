"""`opskit triage --user`, `--request-id` and `--at`: one complaint instead of the whole service."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.test_triage import SAMPLES
from tests.report.schema import wrong

BUNDLE = ("triage", "--from", str(SAMPLES / "ollama-out-of-gpu-memory"), "--json")
HEALTHY = ("triage", "--from", str(SAMPLES / "control-healthy"), "--json")


def last_end(bundle: str) -> dict[str, object]:
    lines = (SAMPLES / bundle / "gateway.log").read_text("utf-8").splitlines()
    return next(told for line in reversed(lines) if (told := json.loads(line))["event"] == "request.end")


@pytest.mark.parametrize("option", ["--user", "--request-id"])
def test_what_became_of_a_request_stands_beside_the_cause(opskit, option):
    ended = last_end("ollama-out-of-gpu-memory")
    name = ended["user_id"] if option == "--user" else ended["request_id"]
    answer = json.loads(opskit(*BUNDLE, option, name).stdout)
    assert wrong(answer) == []
    assert answer["cause"]["code"] == "OPS403"
    assert answer["request"]["became"][0] == "gateway: failed, because the gateway did not ask the model server"
    assert ended["request_id"] in json.dumps(answer["request"]["evidence"])


def test_a_well_service_is_no_answer_to_who_is_not_in_its_logs(opskit):
    assert opskit(*HEALTHY).returncode == 0
    missing = opskit(*HEALTHY, "--user", "nobody-of-that-name")
    assert missing.returncode == 3
    answer = json.loads(missing.stdout)
    assert answer["verdict"] == "unknown"
    assert "nobody-of-that-name" in answer["request"]["became"][0]


def test_a_request_that_was_answered_leaves_the_service_well(opskit):
    answer = json.loads(opskit(*HEALTHY, "--request-id", last_end("control-healthy")["request_id"]).stdout)
    assert (answer["verdict"], answer["exit_code"]) == ("healthy", 0)
    assert answer["request"]["became"] == ["gateway: it was answered"]


def test_of_a_moment_that_is_over_logs_alone_tell(opskit):
    ended = str(last_end("ollama-out-of-gpu-memory")["time"])
    over = f"{ended[:10]}T{ended[11:14]}{int(ended[14:16]) - 2:02}{ended[16:19]}"
    done = opskit(*BUNDLE, "--at", over)
    answer = json.loads(done.stdout)
    assert wrong(answer) == []
    assert answer["past"] is True
    assert answer["cause"]["code"] == "OPS403"
    assert answer["cause"]["certainty"] == "probable"
    assert {step["measured"].get("edge.refused") for step in answer["steps"]} == {None}


def test_long_before_the_incident_there_was_none(opskit):
    answer = json.loads(opskit(*BUNDLE, "--at", "6h").stdout)
    assert (answer["verdict"], answer["past"]) == ("unknown", True)


def test_a_moment_ago_is_now(opskit):
    assert json.loads(opskit(*BUNDLE, "--at", "1m").stdout)["past"] is False


@pytest.mark.parametrize(
    "options",
    [
        ("--user", "a", "--request-id", "b"),
        ("--user", "\x1b[2J"),
        ("--request-id", "x" * 300),
        ("--at", "half past two"),
        ("--at", "2999-01-01"),
        ("--apply", "--at", "2h"),
        ("--last", "--user", "a"),
        ("slow-answers", "--user", "a"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(opskit, options):
    done = opskit("triage", "--no-input", *options)
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN - ")
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_time_of_day_that_is_still_to_come_was_yesterdays(opskit):
    later = time.strftime("%H:%M", time.localtime(time.time() + 1800))
    if later > "00:30":  # half an hour before midnight it is tomorrow's
        answer = json.loads(opskit("triage", "--json", "--no-canary", "--at", later).stdout)
        assert answer["past"] is True
