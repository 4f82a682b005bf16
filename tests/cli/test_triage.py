"""`opskit triage`, live on a running stack and on what it recorded."""

import json
import shutil
from pathlib import Path

import pytest

from opskit.lab.drill import break_in, heal, users_ask
from opskit.lab.faults import faults
from opskit.lab.stack import Stack, fresh
from opskit.lab.users import Crowd

SAMPLES = Path(__file__).parents[2] / "sample_logs"
# One for each stage of the tree; the others are judged from their recordings in tests/test_sample_logs.py.
LIVE = [
    "control-healthy",
    "control-strangers",
    "gateway-killed",
    "ollama-out-of-gpu-memory",
    # A snapshot waits for what is frozen, and a card that is too hot takes its time.
    pytest.param("ollama-frozen", marks=pytest.mark.drill),
    pytest.param("gpu-throttled", marks=pytest.mark.drill),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    stack = fresh(tmp_path_factory.mktemp("lab") / "stack", remembered=False)
    stack.up()
    try:
        yield stack
    finally:
        stack.down()


@pytest.mark.parametrize("name", LIVE)
def test_live_and_replayed_the_verdict_is_the_same(opskit, lab: Stack, name: str, tmp_path):
    fault, conf, bundle = faults()[name], lab.plan.config_file, str(tmp_path / "b.tar.gz")
    lab.clear_logs()
    users_ask(lab)
    try:
        break_in(lab, [name])
        with Crowd(lab.plan, 6, fault.asks, fault.patience) as crowd:
            crowd.wait(20, 8)
            live = opskit("triage", "--json", given=conf)
            taken = opskit("snapshot", "-o", bundle, "--pseudonyms", "-t", "6", given=conf)
    finally:
        heal(lab)
    assert taken.returncode == 0, taken.stderr
    replayed = opskit("triage", "--from", bundle, "--json")
    seen, again = json.loads(live.stdout), json.loads(replayed.stdout)
    assert (seen["cause"] or {}).get("code") == fault.cause
    assert (again["cause"] or {}).get("code") == fault.cause
    assert live.returncode == replayed.returncode == (0 if fault.cause is None else 2)


def test_the_answer_has_the_published_shape(opskit):
    answer = json.loads(opskit("triage", "--from", str(SAMPLES / "gateway-killed"), "--json").stdout)
    assert answer["verdict"] == "fault"
    assert answer["cause"]["code"] == "OPS201"
    assert {"code", "layer", "certainty", "remedy", "summary", "verify"} == set(answer["cause"])
    assert [step["stage"] for step in answer["steps"]][:2] == [1, 1]
    assert {step["answer"] for step in answer["steps"]} <= {"yes", "no", "unknown"}
    assert answer["evidence"][0]["read_from"][0]["source"].startswith("http://127.0.0.1:18789")
    assert isinstance(answer["also_seen"], list)
    assert isinstance(answer["unknown"], list)


@pytest.mark.parametrize(("name", "code"), [("control-healthy", 0), ("gateway-killed", 2)])
@pytest.mark.parametrize("words", [[], ["--json"], ["--no-input"], ["--lang", "zh"]])
def test_the_exit_code_does_not_depend_on_the_format(opskit, name, code, words):
    assert opskit("triage", "--from", str(SAMPLES / name), *words).returncode == code


def test_an_empty_machine_is_not_called_healthy(opskit):
    done = opskit("triage", "--json")
    assert done.returncode in {2, 3}
    assert json.loads(done.stdout)["verdict"] != "healthy"


def test_evidence_that_was_never_taken_leads_to_cannot_tell(opskit, tmp_path):
    empty = tmp_path / "empty"
    shutil.copytree(SAMPLES / "control-healthy", empty)
    manifest = json.loads((empty / "manifest.yaml").read_text())
    (empty / "manifest.yaml").write_text(json.dumps({**manifest, "files": []}))
    done = opskit("triage", "--from", str(empty), "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 3
    assert answer["verdict"] == "unknown"
    assert answer["cause"] is None
    assert len(answer["unknown"]) == 16


def test_the_transcript_for_the_ticket_is_written_beside_the_answer(opskit, tmp_path):
    ticket = tmp_path / "incident.md"
    done = opskit("triage", "--from", str(SAMPLES / "ollama-killed-for-memory"), "--md", str(ticket))
    assert done.returncode == 2
    assert "OPS405" in done.stdout
    text = ticket.read_text()
    assert text.startswith("# FAULT OPS405")
    assert "+08:00" in text or "+00:00" in text
    assert "systemctl restart ollama" in text


def test_a_transcript_that_cannot_be_written_is_said_and_is_unknown(opskit, tmp_path):
    done = opskit("triage", "--from", str(SAMPLES / "control-healthy"), "--md", str(tmp_path / "no" / "folder.md"))
    assert done.returncode == 3
    assert "folder.md" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_site_adds_a_cause_by_dropping_a_playbook(opskit, tmp_path):
    site = tmp_path / "site" / "playbooks"
    site.mkdir(parents=True)
    (site / "disk.yaml").write_text(
        """
schema: opskit.playbook/v1
title: The disk
budget: 3s
stages: [Is there room on the disk?]
probes: {host: {use: host, timeout: 3s}}
start: room
steps:
  room:
    stage: 1
    ask: Is the disk full?
    when: host.disk_free_pct < 101
    yes: {cause: OPS901}
    no: {end: healthy}
    unknown: {end: unknown}
causes:
  OPS901:
    layer: host
    summary: The disk is full
    proof: [host.disk_free_pct]
    verify: host.disk_free_pct > 5
    remedy: [{text: Delete something}]
"""
    )
    done = opskit("--definitions", str(tmp_path / "site"), "triage", "disk", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["cause"]["code"] == "OPS901"
