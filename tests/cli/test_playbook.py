"""`opskit playbook`: the list, one playbook, its pictures, and its tests, as their users run them."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests/playbooks/certificate.yaml"
OWN = """\
schema: opskit.playbook/v1
title: {en: 'A "title" # with <b>marks</b>', zh: 标题}
budget: 3s
stages: [{en: 'Is "it" [so]?', zh: 是吗？}]
params: {most_pct: {default: 7}}
probes: {host: {use: host, timeout: 3s}}
start: end
steps:
  end:
    stage: 1
    ask: {en: 'Less than {most_pct} "per cent"; a|b `c` \\d?', zh: "少于 {most_pct}？"}
    when: host.disk_free_pct < most_pct and host.swap_used_pct < 90
    yes: {cause: OPS901}
    no: {end: healthy}
    unknown: {end: unknown}
causes:
  OPS901:
    layer: host
    summary: {en: 'The "disk" is full #1', zh: 磁盘已满}
    seen: {en: Nothing, zh: 无}
    mistaken_for: [{en: Nothing, zh: 无}]
    proof: [host.disk_free_pct]
    verify: host.disk_free_pct > most_pct
    remedy: [{text: {en: Delete something, zh: 删除一些文件}}]
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "site" / "playbooks" / "own.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(OWN.replace("yes:", '"yes":').replace("no:", '"no":'), "utf-8")
    return str(tmp_path / "site")


def test_the_list_names_every_playbook_and_its_file(opskit, own):
    done = opskit("--definitions", own, "playbook", "list")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert {"PLAYBOOK", "chat-stuck", "certificate", "gpu-alarm", "slow-answers", "ui-down", "own"} <= set(rows)
    assert rows["own"].endswith("own.yaml")
    listed = json.loads(opskit("playbook", "list", "--json", "--lang", "zh").stdout)["playbooks"]
    assert {book["id"]: book["title"] for book in listed}["certificate"] == "证书可能有问题"


def test_a_broken_playbook_is_named_beside_the_list(opskit, tmp_path):
    path = tmp_path / "site" / "playbooks" / "own.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(OWN.replace("budget: 3s", "budget: soon"), "utf-8")
    done = opskit("--definitions", str(tmp_path / "site"), "playbook", "list")
    assert done.returncode == 3
    assert "certificate" in done.stdout
    assert "own.yaml:3: budget: expected a duration" in done.stderr


def test_a_playbook_is_shown_with_its_numbers_filled_in(opskit, own):
    shown = opskit("--definitions", own, "playbook", "show", "own").stdout
    assert 'end: Less than 7 "per cent"; a|b `c` \\d?' in shown
    assert "host.disk_free_pct < 7 and host.swap_used_pct < 90" in shown
    assert 'yes -> OPS901 The "disk" is full #1' in shown
    assert "no -> healthy" in shown
    whole = json.loads(opskit("--definitions", own, "playbook", "show", "own", "--json").stdout)
    assert whole["steps"][0]["then"] == {
        "yes": {"cause": "OPS901"}, "no": {"end": "healthy"}, "unknown": {"end": "unknown"},
    }  # fmt: skip
    assert (whole["params"], whole["budget_s"]) == ({"most_pct": 7.0}, 3.0)


def test_one_step_or_one_cause_is_shown_alone(opskit):
    step = opskit("playbook", "show", "certificate", "holds").stdout
    assert step.startswith("holds: Does it hold")
    assert "Comes after: renewal_fails" in step
    assert opskit("playbook", "show", "certificate", "OPS128", "--lang", "zh").stdout.startswith("OPS128: 证书已续期")
    wrong = opskit("playbook", "show", "certificate", "nothing")
    assert (wrong.returncode, wrong.stdout) == (3, "")
    assert "certificate has no step or cause 'nothing'" in wrong.stderr


def test_no_word_of_a_file_ends_a_label_of_a_picture(opskit, own):
    drawn = opskit("--definitions", own, "playbook", "graph", "own", "--format", "mermaid").stdout.splitlines()
    assert drawn == [
        "flowchart TD",
        '  subgraph stage_1["1: Is #34;it#34; #91;so#93;?"]',
        '    s_end{"Less than 7 #34;per cent#34;#59; a#124;b #96;c#96; #92;d?"}',
        "  end",
        '  c_OPS901["OPS901 The #34;disk#34; is full #35;1"]',
        '  e_healthy["healthy"]',
        '  e_unknown["cannot tell"]',
        '  s_end -->|"yes"| c_OPS901',
        '  s_end -->|"no"| e_healthy',
        '  s_end -->|"unknown"| e_unknown',
    ]
    dot = opskit("--definitions", own, "playbook", "graph", "own", "--format", "dot").stdout
    assert '[shape=ellipse, label="Less than 7 \\"per cent\\"; a|b `c` \\\\d?"];' in dot
    assert dot.startswith('digraph "own" {\n')
    assert dot.endswith("}\n")


def test_tests_of_playbooks_end_with_what_came_of_them(opskit, tmp_path):
    good = opskit("playbook", "test", str(TESTS), "--coverage")
    assert (good.returncode, good.stderr) == (0, "")
    assert "tests, 0 failed\ncertificate: 8 of 8 causes reached, " in good.stdout
    failing = tmp_path / "failing.yaml"
    failing.write_text(
        "schema: opskit.playbook-tests/v1\nplaybook: certificate\ntests:\n"
        "  - {name: wrong, calm: true, expect: {outcome: fault}}\n"
    )
    bad = opskit("playbook", "test", str(failing), str(TESTS))
    assert bad.returncode == 2
    assert bad.stdout.startswith(f"FAILED {failing}:4: wrong\n  outcome: expected fault, got healthy\n")
    told = json.loads(opskit("playbook", "test", str(failing), "--json", "--coverage").stdout)
    assert (told["failed"], told["tests"][0]["line"]) == (1, 4)
    assert told["coverage"][0]["missed_causes"][0] == "OPS101"
    failing.write_text("schema: opskit.playbook-tests/v2\n")
    broken = opskit("playbook", "test", str(failing))
    assert (broken.returncode, broken.stdout) == (3, "")
    assert "failing.yaml:1: schema: expected one of opskit.playbook-tests/v1" in broken.stderr


def test_without_a_file_those_beside_the_playbooks_are_run(opskit, own):
    folder = Path(own) / "playbooks" / "tests"
    folder.mkdir()
    (folder / "own.yaml").write_text(
        "schema: opskit.playbook-tests/v1\nplaybook: own\ntests:\n"
        "  - {name: full, facts: {host.disk_free_pct: 6, host.swap_used_pct: 0}, expect: {cause: OPS901}}\n"
    )
    done = opskit("--definitions", own, "playbook", "test")
    assert (done.returncode, done.stdout) == (0, "1 tests, 0 failed\n")
