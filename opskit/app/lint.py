"""`opskit lint`: every mistake in every definition and in the configuration, in one run."""

from __future__ import annotations

from pathlib import Path

from opskit.app.observe import job
from opskit.definitions import checks, playbooks
from opskit.judge.range import Range
from opskit.model.check import Check, Rule
from opskit.model.message import say
from opskit.model.playbook import Playbook
from opskit.model.problem import DefinitionError, Problem
from opskit.model.settings import Settings
from opskit.probes.base import fact_kinds
from opskit.probes.registry import PROBES, probe
from opskit.triage.lint import lint as lint_playbook
from opskit.triage.tree import grow


def lint(settings: Settings, definitions: Path | None) -> tuple[int, list[Problem]]:
    """Return how many files were looked at, and every problem in them by file and line."""
    books, found = playbooks.load(definitions), checks.load(definitions)
    problems = [*books.problems, *found.problems]
    for book in books.good.values():
        problems += _playbook_problems(book, settings)
    for check in found.good.values():
        problems += _check_problems(check, settings, {*books.good, *books.broken})
    unique = {(item.source, item.line, str(item.text)): item for item in problems}
    ordered = sorted(unique.values(), key=lambda item: (item.source, item.line))
    return sum(len(loaded.good) + len(loaded.broken) for loaded in (books, found)), ordered


def _check_problems(check: Check, settings: Settings, books: set[str]) -> list[Problem]:
    problems: list[Problem] = []
    try:
        prepared = job(check.id, check.probe, check.args, check.timeout, settings, check.source)
    except DefinitionError as error:
        return list(error.problems)
    for rule in check.rules:
        problems += _rule_problems(check, rule, type(prepared.probe).metrics)
    if check.playbook is not None and check.playbook not in books:
        problems.append(Problem(check.source, 0, say("playbook: there is no playbook '{id}'", id=check.playbook)))
    for where, words in (("summary", check.summary), ("why", check.why)):
        if not words.zh:
            problems.append(Problem(check.source, 0, say("{where}: no Chinese text", where=where), advice=True))
    return problems


def _rule_problems(check: Check, rule: Rule, metrics: frozenset[str]) -> list[Problem]:
    texts = []
    for metric in (rule.metric, *([rule.confirm.metric] if rule.confirm else [])):
        if metric not in metrics:
            known = ", ".join(sorted(metrics))
            texts.append(
                say(
                    "rules: probe {probe} has no metric '{metric}', it has {known}",
                    probe=check.probe,
                    metric=metric,
                    known=known,
                )
            )
    if rule.warn and rule.crit and _backwards(rule.warn, rule.crit):
        texts.append(
            say(
                "rules: {metric} is critical ({crit}) before it is a warning ({warn})",
                metric=rule.metric,
                crit=rule.crit,
                warn=rule.warn,
            )
        )
    return [Problem(check.source, 0, text) for text in texts]


def _backwards(warn: str, crit: str) -> bool:
    """True where the critical range alerts somewhere near its ends where the warning range does not."""
    wide, narrow = Range.parse(crit, "%"), Range.parse(warn, "%")
    ends = [end for end in (wide.start, wide.end) if abs(end) != float("inf")]
    near = [end + step for end in ends for step in (-1e-6, 1e-6)]
    return any(wide.alerts(value) and not narrow.alerts(value) for value in near)


def _playbook_problems(book: Playbook, settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    for name, use in book.probes.items():
        if use.probe in PROBES:
            try:
                job(name, use.probe, use.args, use.timeout, settings, book.source)
            except DefinitionError as error:
                problems += error.problems
    try:
        grow(book, {use.probe: fact_kinds(probe(use.probe)) for use in book.probes.values() if use.probe in PROBES})
    except DefinitionError as error:
        return [*problems, *error.problems]
    return problems + lint_playbook(book)
