"""The checks and playbooks that everybody gets: valid, in both languages, about what exists, and safe to follow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from opskit.app.lint import lint
from opskit.definitions import check_file, checks, facts, playbooks, search
from opskit.definitions.search import shipped
from opskit.judge.range import Range
from opskit.model.check import Check
from opskit.model.playbook import Playbook
from opskit.model.settings import Settings
from opskit.model.text import Text
from opskit.probes.base import fact_kinds
from opskit.probes.registry import PROBES, probe

FACTS = shipped("playbooks") / search.FACTS
FILES = [
    (kind, path) for kind in ("checks", "playbooks") for path in sorted(shipped(kind).glob("*.yaml")) if path != FACTS
]
INCLUDED = sorted(shipped("playbooks").glob("*/*"))
PARSERS = {"checks": check_file.parse, "playbooks": playbooks.parse}
HAN = re.compile("[\u4e00-\u9fff]")
# What may stand in a command that somebody copies to a root shell without reading it twice.
READ_ONLY = {
    "nginx -t", "nft list", "journalctl", "ss", "nvidia-smi", "nvidia-smi -q", "ps", "ollama list", "ollama ps",
    "opskit", "systemctl status", "systemctl cat", "systemctl show", "df", "openssl", "ls", "certbot certificates",
    "curl", "timedatectl status", "resolvectl status", "ollama show", "nginx -T", "grep -c", "tail -n",
    "sysctl net.netfilter.nf_conntrack_count",
}  # fmt: skip


def parsed(kind: str, path: Path) -> Check | Playbook:
    found = PARSERS[kind](path.read_bytes(), str(path), path.stem)
    assert found is not None
    return found


CHECKS = {path.stem: parsed(kind, path) for kind, path in FILES if kind == "checks"}
BOOKS = {path.stem: parsed(kind, path) for kind, path in FILES if kind == "playbooks"}
ENDS = [(book.id, cause) for book in BOOKS.values() for cause in book.causes.values()]
CAUSES = list({cause.code: (book, cause) for book, cause in ENDS}.values())  # several playbooks may share one


def texts(value: object, where: str = "") -> Iterator[tuple[str, Text]]:
    """Every text inside of a definition, with the way to it."""
    if isinstance(value, Text):
        yield where, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from texts(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from texts(member, f"{where}.{key}")
    elif isinstance(value, tuple):
        for number, member in enumerate(value):
            yield from texts(member, f"{where}[{number}]")


def test_there_is_nothing_but_definitions_in_the_folders():
    found = {path for kind in ("checks", "playbooks") for path in shipped(kind).rglob("*") if path.is_file()}
    assert found == {path for _, path in FILES} | set(INCLUDED) | {FACTS}
    assert set(CHECKS) == set(checks.load().good)
    assert set(BOOKS) == set(playbooks.load().good)


def test_lint_finds_nothing_to_say():
    files, problems = lint(Settings(), None)
    assert [problem.render() for problem in problems] == []
    assert files == len(FILES) + len(INCLUDED) + 1


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda part: getattr(part, "stem", part))
def test_the_id_is_the_name_of_the_file(kind, path):
    definition = parsed(kind, path)
    assert (definition.id, definition.source) == (path.stem, str(path))


@pytest.mark.parametrize("definition", [*CHECKS.values(), *BOOKS.values()], ids=lambda definition: definition.id)
def test_every_sentence_is_there_in_both_languages(definition):
    found = dict(texts(definition))
    assert found
    assert [where for where, text in found.items() if not text.zh or not HAN.search(text.zh)] == []
    assert [where for where, text in found.items() if HAN.search(text.en)] == []
    assert [where for where, text in found.items() if "  " in f"{text.en}{text.zh}"] == []


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_asks_a_probe_that_exists_for_metrics_that_it_has(check):
    metrics = frozenset[str]().union(*(type(probe(name)).metrics for name in (check.probe, *check.also)))
    asked = {rule.metric for rule in check.rules} | {rule.confirm.metric for rule in check.rules if rule.confirm}
    assert asked <= metrics
    assert check.playbook in BOOKS


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_can_fire_and_has_the_time_to(check):
    assert any(rule.warn or rule.crit for rule in check.rules)
    assert check.timeout < check.every
    for rule in check.rules:
        unit = "%" if rule.metric.endswith("_pct") or rule.deviation else ""
        limits = [Range.parse(text, unit) for text in (rule.warn, rule.crit) if text]
        assert all(limit.start > -1e9 or limit.end < 1e9 for limit in limits)


def test_a_check_of_a_deviation_does_not_fire_on_what_became_better():
    deviations = [rule for check in CHECKS.values() for rule in check.rules if rule.deviation]
    assert deviations
    for rule in deviations:
        for text in filter(None, (rule.warn, rule.crit)):
            assert not Range.parse(text, "%").alerts(-99.0)
            assert Range.parse(text, "%").alerts(99.0)


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_every_branch_of_a_playbook_leads_somewhere(book):
    for step in book.steps.values():
        assert set(step.then) == {"yes", "no", "unknown"}
        for target in step.then.values():
            ends = [target.step in book.steps, target.cause in book.causes, target.end in {"healthy", "unknown"}]
            assert sum(ends) == 1, step.id


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_a_playbook_uses_each_probe_and_each_number_that_it_names(book):
    conditions = [step.when for step in book.steps.values()]
    conditions += [text for cause in book.causes.values() for text in (cause.certain_if, cause.verify) if text]
    said = " ".join(conditions)
    shown = " ".join(fact for step in book.steps.values() for fact in step.evidence)
    assert [name for name in book.probes if f"{name}." not in f"{said} {shown}"] == []
    assert [name for name in book.params if not re.search(rf"\b{name}\b", said)] == []
    assert {use.probe for use in book.probes.values()} <= set(PROBES)
    assert all(use.timeout <= book.budget for use in book.probes.values())


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_a_question_fills_in_only_numbers_that_exist(book):
    for step in book.steps.values():
        for sentence in (step.ask.en, step.ask.zh or ""):
            assert set(re.findall(r"\{(\w+)\}", sentence)) <= set(book.params), step.id
        assert re.findall(r"\{\w+\}", step.ask.en) == re.findall(r"\{\w+\}", step.ask.zh or ""), step.id


def test_every_fact_that_a_playbook_speaks_of_is_described_and_no_description_is_left_over() -> None:
    spoken: set[str] = set()
    for book in BOOKS.values():
        for step in book.steps.values():
            spoken |= {*step.evidence, *re.findall(r"\b[a-z]\w*\.[a-z]\w*", step.when)}
        for cause in book.causes.values():
            spoken |= {*cause.proof, *re.findall(r"\b[a-z]\w*\.[a-z]\w*", f"{cause.certain_if} {cause.verify}")}
    described = facts.load()
    assert described.problems == ()
    assert sorted(described.texts) == sorted(spoken)
    assert [
        name for name, text in described.texts.items() if not HAN.search(text.zh or "") or HAN.search(text.en)
    ] == []


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_evidence_is_facts_that_the_probes_declare(book):
    kinds = {name: fact_kinds(probe(use.probe)) for name, use in book.probes.items()}
    named = [fact for step in book.steps.values() for fact in step.evidence]
    named += [fact for cause in book.causes.values() for fact in cause.proof]
    assert [fact for fact in named if fact.partition(".")[2] not in kinds[fact.partition(".")[0]]] == []


def test_every_shipped_cause_is_an_end_of_some_playbook() -> None:
    spare = {code for book in BOOKS.values() for code in book.spare}
    assert spare - {cause.code for _, cause in CAUSES} == set()
    assert {Path(cause.source) for _, cause in CAUSES} >= set(INCLUDED)


def test_a_cause_stands_in_the_file_of_its_layer() -> None:
    assert [cause.code for _, cause in CAUSES if Path(cause.source).stem != cause.layer] == []


def test_a_code_is_permanent_so_no_two_causes_share_one():
    places = {(cause.code, cause.source) for _, cause in ENDS}
    codes = Counter(code for code, _ in places)
    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"OPS[1-9][0-9]{2}", code)] == []
    sentences = Counter(cause.summary for _, cause in CAUSES)
    assert [text.en for text, count in sentences.items() if count > 1] == []


@pytest.mark.parametrize(("book", "cause"), CAUSES, ids=lambda part: getattr(part, "code", part))
def test_every_command_has_its_risk_and_a_way_back(book, cause):
    assert cause.remedy
    for remedy in cause.remedy:
        assert (remedy.risk is None) is (not remedy.run)
        if remedy.run and remedy.risk != "read-only":
            assert remedy.undo or remedy.undo_text
        if remedy.risk == "read-only":
            assert {" ".join(remedy.run[:2]), remedy.run[0]} & READ_ONLY, remedy.run


@pytest.mark.parametrize(("book", "cause"), CAUSES, ids=lambda part: getattr(part, "code", part))
def test_one_looks_before_one_changes_anything(book, cause):
    assert cause.remedy[0].risk in {None, "read-only"}
    assert cause.verify
