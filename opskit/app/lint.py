"""`opskit lint`: every mistake in every definition and in the configuration, in one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from opskit.app.asking import jobs_of
from opskit.app.observe import job
from opskit.definitions import checks, facts, playbooks, search
from opskit.judge.dependence import Depends, depends
from opskit.judge.range import Range
from opskit.model.check import Check, Rule
from opskit.model.message import Message, say
from opskit.model.playbook import Playbook
from opskit.model.problem import DefinitionError, Place, Problem, spelled, untranslated
from opskit.model.settings import Settings
from opskit.model.text import Text
from opskit.probes.base import fact_kinds
from opskit.probes.registry import PROBES, probe
from opskit.triage.lint import lint as lint_playbook

T = TypeVar("T")


def lint(settings: Settings, definitions: Path | None) -> tuple[int, list[Problem]]:
    """Return how many files were looked at, and every problem in them by file and line."""
    books, found, words = playbooks.load(definitions), checks.load(definitions), facts.load(definitions)
    problems = [*books.problems, *found.problems, *words.problems]
    kinds = {name: fact_kinds(probe(name)) for name in PROBES}
    for book, unsure in books.legible():
        problems += [*_wrong_arguments(book, settings), *lint_playbook(book, kinds, unsure)]
    # A site may have masked one of the shipped: that is no mistake of those that name it.
    shipped = {path.stem for path in search.shipped("checks").glob("*.yaml")}
    below, ids = depends(found.good.values()), {*found.good, *found.broken, *shipped}
    for check, unsure in found.legible():
        problems += _check_problems(check, settings, {*books.good, *books.broken}, unsure)
        problems += _wrong_dependence(check, ids, below)
    unique = {(item.source, item.line, str(item.text)): item for item in problems}
    ordered = sorted(unique.values(), key=lambda item: (item.source, item.line))
    included = {source for book, _ in books.legible() for source in book.sources() if source != book.source}
    files = sum(len(loaded.good) + len(loaded.broken) for loaded in (books, found)) + len(included) + words.files
    return files, ordered


def _check_problems(check: Check, settings: Settings, books: set[str], unsure: frozenset[str]) -> Iterator[Problem]:
    # Where nobody knows what stands under `with`, nobody knows what is missing there.
    vague = any(place == "with" or place.startswith("with.") for place in unsure)
    if "probe" not in unsure and not (vague and check.probe in PROBES and type(probe(check.probe)).needs):
        try:
            # A key that nobody knows may have been meant as this one: then it names no probe, rather than a wrong one.
            jobs_of(msgspec.structs.replace(check, also=()) if "also" in unsure else check, settings)
        except DefinitionError as error:
            yield from error.problems
    for place, text in _known(_wrong_rules(check), unsure):
        yield Problem(*check.where(*place), text)
    if check.playbook is not None and check.playbook not in books:
        known = ", ".join(sorted(books)) or "none"
        wrong = say("there is no playbook '{id}', expected one of {known}", id=check.playbook, known=known)
        yield Problem(check.source, check.lines.of("playbook"), say("{key}: {wrong}", key="playbook", wrong=wrong))
    yield from untranslated(check.where, _known(_texts(check), unsure))


def _wrong_dependence(check: Check, ids: set[str], below: Depends) -> Iterator[Problem]:
    """What `depends_on` names and should not."""
    for number, name in enumerate(check.depends_on):
        place = check.where("depends_on", number)
        if name == check.id or check.id in below.get(name, ()):
            text = say("depends_on: '{id}' depends on this check itself", id=name)
            yield Problem(*place, text)
        elif name not in ids:
            known = ", ".join(sorted(ids))
            text = say("depends_on: there is no check '{id}', expected some of {known}", id=name, known=known)
            yield Problem(*place, text, advice=True)


def _known(items: Iterable[tuple[Place, T]], unsure: frozenset[str]) -> Iterator[tuple[Place, T]]:
    """Leave out what stands at unsure places: nobody wrote that."""
    return ((place, item) for place, item in items if spelled(*place) not in unsure)


def _texts(check: Check) -> Iterator[tuple[Place, Text]]:
    yield ("summary",), check.summary
    yield ("why",), check.why
    for number, rule in enumerate(check.rules):
        if rule.say is not None:
            yield ("rules", number, "say"), rule.say


def _wrong_rules(check: Check) -> Iterator[tuple[Place, Message]]:
    asked = (check.probe, *check.also)
    metrics = _metrics_of(asked)
    for number, rule in enumerate(check.rules):
        place: Place = ("rules", number)
        if metrics is not None:
            for inner, metric in _metrics(rule):
                if metric not in metrics:
                    yield (*place, *inner), _unknown_metric(", ".join(asked), metric, metrics)
        if rule.warn and rule.crit and _backwards(rule.warn, rule.crit):
            text = say(
                "rules: {metric} is critical ({crit}) before it is a warning ({warn})",
                metric=rule.metric,
                crit=rule.crit,
                warn=rule.warn,
            )
            yield (*place, "crit"), text
        if rule.clear is not None and (wrong := _wrong_clear(rule, rule.clear)) is not None:
            yield (*place, "clear"), wrong


def _wrong_clear(rule: Rule, clear: str) -> Message | None:
    name = rule.metric
    if rule.deviation or rule.confirm or not (rule.warn or rule.crit):
        return say("rules: {metric}: clear is for a rule with warn or crit, without deviation or confirm", metric=name)
    if any(_backwards(clear, limit) for limit in (rule.warn, rule.crit) if limit):
        return say("rules: {metric} would be well again ({clear}) while it is still bad", metric=name, clear=clear)
    return None


def _metrics_of(asked: tuple[str, ...]) -> frozenset[str] | None:
    """All metrics that the probes can have; None where one of them is not known, or tells only when it is asked."""
    kinds = [type(probe(name)) for name in asked if name in PROBES]
    if len(kinds) < len(asked) or any(kind.open_metrics for kind in kinds):
        return None
    return frozenset[str]().union(*(kind.metrics for kind in kinds))


def _metrics(rule: Rule) -> Iterator[tuple[Place, str]]:
    yield ("metric",), rule.metric
    if rule.confirm is not None:
        yield ("confirm", "metric"), rule.confirm.metric


def _unknown_metric(probe_name: str, metric: str, metrics: Iterable[str]) -> Message:
    return say(
        "rules: probe {probe} has no metric '{metric}', it has {known}",
        probe=probe_name,
        metric=metric,
        known=", ".join(sorted(metrics)),
    )


def _backwards(warn: str, crit: str) -> bool:
    """True where the critical range alerts somewhere near its ends where the warning range does not."""
    wide, narrow = Range.parse(crit, "%"), Range.parse(warn, "%")
    ends = [end for end in (wide.start, wide.end) if abs(end) != float("inf")]
    near = [end + step for end in ends for step in (-1e-6, 1e-6)]
    return any(wide.alerts(value) and not narrow.alerts(value) for value in near)


def _wrong_arguments(book: Playbook, settings: Settings) -> Iterator[Problem]:
    """What is wrong under `with:`."""
    for name, use in book.probes.items():
        if use.probe in PROBES:  # what is none of them is named by the linter of playbooks
            try:
                job(name, use.probe, use.args, use.timeout, settings, book.source, book.lines.at("probes", name))
            except DefinitionError as error:
                yield from error.problems
