"""The tests that are shipped beside the playbooks: all pass, every cause is a verdict, and mistakes are named."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from opskit.app.context import Context, load_context
from opskit.app.playbook_test import suite
from opskit.definitions import playbook_tests, playbooks
from opskit.definitions.search import shipped
from opskit.model.problem import DefinitionError
from opskit.report.tested import CaseResult, Covered

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
DOC = (HERE.parents[1] / "docs/playbooks.md").read_text("utf-8")


def context(definitions: Path | None = None) -> Context:
    return load_context(None, definitions, "en")


@cache
def shipped_suite() -> tuple[list[CaseResult], list[Covered]]:
    return suite(context(), [playbook_tests.load(path) for path in FILES])


def run(text: str, source: str = "x.yaml", definitions: Path | None = None) -> tuple[list[CaseResult], list[Covered]]:
    return suite(context(definitions), [playbook_tests.parse(text.encode(), source)])


def told(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        run(text)
    return str(refused.value).splitlines()


def test_every_shipped_test_passes_and_every_cause_is_reached() -> None:
    tests, covered = shipped_suite()
    assert [(test.source, test.line, test.differs) for test in tests if test.differs] == []
    assert {one.playbook: one.missed_causes for one in covered} == dict.fromkeys(playbooks.load().good, ())
    assert len(tests) >= sum(one.causes for one in covered)


def test_nearly_every_answer_is_given_in_some_test() -> None:
    _, covered = shipped_suite()
    for one in covered:
        assert len(one.missed_answers) <= one.answers / 10, (one.playbook, one.missed_answers)


HEAD = "schema: opskit.playbook-tests/v1\nplaybook: certificate\ntests:\n"
FINE = HEAD + "  - {name: fine, calm: true, expect: {outcome: healthy}}\n"


def differs(case: str) -> list[str]:
    (tests, _) = run(f"{HEAD}  - {{name: one, {case}}}\n")
    return [str(text) for text in tests[0].differs]


DIFFERS = [
    ("calm: true, expect: {outcome: unknown}", ["outcome: expected unknown, got healthy"]),
    ("calm: true, expect: {cause: OPS103}", ["cause: expected OPS103, got none"]),
    ("calm: true, expect: {exit_code: 3}", ["exit_code: expected 3, got 0"]),
    ("facts: {edge.certificate_expired: true}, expect: {certainty: certain}",
     ["certainty: expected certain, got probable"]),
    ("calm: true, expect: {path: [holds, expired]}",
     ["path: the walk does not come to expired, it ends with chain_short > renewal_fails > holds > headers_lost"]),
    ("calm: true, facts: {nginx_config.headers_lost: 2}, expect: {also_seen: [OPS103]}",
     ["also_seen: expected OPS103, got []"]),
    ("facts: {edge.certificate_expired: true, certificate.reload_due: true}, expect: {also_seen: []}",
     ["also_seen: expected [], got OPS103"]),
    ("calm: true, expect: {outcome: healthy, path: [expired, holds], also_seen: [], exit_code: 0}", []),
]  # fmt: skip


@pytest.mark.parametrize(("case", "lines"), DIFFERS)
def test_what_differs_is_told(case: str, lines: list[str]) -> None:
    assert differs(case) == lines


WRONG = [
    ("outcome: healthy", "outcome: fine",
     "tests[0].expect.outcome: expected one of fault, healthy, unknown, got 'fine'"),
    ("outcome: healthy", "cause: OPS999", "tests[0].expect.cause: 'OPS999' is no cause of this playbook"),
    ("outcome: healthy", "also_seen: [OPS999]", "tests[0].expect.also_seen[0]: 'OPS999' is no cause of this playbook"),
    ("outcome: healthy", "path: [nowhere]", "tests[0].expect.path[0]: there is no step 'nowhere'"),
    ("outcome: healthy", "exit_code: 1", "tests[0].expect.exit_code: expected 0, 2 or 3"),
    ("outcome: healthy", "outcome: healthy, cause: OPS103",
     "tests[0].expect: a cause is named where the outcome is fault only"),
    ("{outcome: healthy}", "{}", "tests[0].expect: expects nothing, so it cannot fail"),
    ("calm: true", "facts: {edge.refused: 1}", "tests[0].facts: 'edge.refused' is a bool"),
    ("calm: true", "facts: {certificate.flaws: true}",
     "tests[0].facts: 'certificate.flaws' is a number"),
    ("calm: true", "facts: {certificate.flaws: many}",
     "tests[0].facts: 'certificate.flaws' is a number"),
    ("calm: true", "calm: yes", "tests[0].calm: expected true or false, got 'yes'"),
    ("calm: true", "calm: true, bundle: x", "tests[0]: a bundle brings its own facts: give either of them"),
    ("name: fine", "nam: fine", "tests[0]: unknown key 'nam', did you mean 'name'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), WRONG)
def test_a_mistake_in_a_file_of_tests_is_named_with_its_line(old: str, new: str, line: str) -> None:
    assert f"x.yaml:4: {line}" in told(FINE.replace(old, new))


def test_more_mistakes_of_a_file_are_told_in_one_run() -> None:
    assert told(FINE.replace("playbook: certificate", "playbook: nothing"))[0].startswith(
        "playbooks: there is no playbook 'nothing', expected one of certificate, "
    )
    assert told(FINE + "  - {name: fine, expect: {outcome: unknown}}\n") == [
        "x.yaml:5: tests[1]: the name of another test, in line 4"
    ]
    assert told(HEAD.replace("tests:\n", "tests: []\n")) == ["x.yaml:3: tests: there is none"]
    assert told(FINE.replace("tests:", "calm: {edge.nothing: 1}\ntests:"))[0].startswith(
        "x.yaml:3: calm: there is no fact 'edge.nothing' of edge, nginx_access, "
    )


def test_a_bundle_is_looked_for_beside_the_file_and_a_missing_one_is_a_mistake(tmp_path: Path) -> None:
    text = HEAD + "  - {name: one, bundle: none, expect: {outcome: fault}}\n"
    with pytest.raises(DefinitionError, match=r"x\.yaml:4: .*none cannot be read as a bundle"):
        run(text, str(tmp_path / "x.yaml"))


def test_a_calm_day_that_does_not_exist_is_told() -> None:
    lines = told(FINE.replace("tests:", "calm: {edge.certificate_expired: true}\ntests:"))
    assert lines == ["x.yaml:3: calm: no facts were found with which certificate is healthy"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What the guide says that a site puts into its folder."""
    cause, probe, step, tests = blocks("yaml")
    text = (shipped("playbooks") / "chat-stuck.yaml").read_text("utf-8")
    text = text.replace("include:\n", "include:\n  - causes/site.yaml\n").replace("probes:\n", f"probes:\n{probe}")
    text = text.replace("start: nothing_here\n", "start: vpn_down\n").replace("\nsteps:\n", f"\nsteps:\n{step}")
    for name, content in (("causes/site", cause), ("chat-stuck", text), ("tests/chat-stuck", tests)):
        path = tmp_path / "playbooks.d" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return tmp_path


def test_the_cause_and_the_question_of_the_guide_are_ten_lines_each_and_work(site: Path) -> None:
    cause, _, step, _ = blocks("yaml")
    assert max(len(cause.splitlines()), len(step.splitlines())) <= 10
    loaded = playbooks.load(site)
    assert loaded.problems == ()
    assert loaded.good["chat-stuck"].causes["OPS901"].layer == "site"
    files = [site / "playbooks.d/tests/chat-stuck.yaml"]
    tests, _ = suite(context(site), [playbook_tests.load(path) for path in files])
    assert [(test.name, test.differs) for test in tests] == [
        ("the VPN comes first", ()),
        ("a plugin that does not run accuses nobody", ()),
    ]


def test_what_is_shipped_still_holds_with_the_question_of_the_guide_in_front(site: Path) -> None:
    text = (HERE / "chat-stuck.yaml").read_text("utf-8").replace("path: [nginx_refuses, ", "path: [vpn_down, ")
    kept = re.sub(r"  - name: .*\n    bundle: .*\n    expect: .*\n", "", text)
    assert kept != text
    tests, _ = run(kept, definitions=site)
    blurred = {"Nothing is known", "An unknown answer on the way makes the cause probable"}
    assert {test.name for test in tests if test.differs} <= blurred
