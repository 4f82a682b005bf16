"""`opskit playbook test`: 0 where all tests pass, 2 where something differs, 3 where a file cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from opskit.app.playbook_test import suite
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.cli.triage_output import a_reader_may_leave
from opskit.definitions import playbook_tests
from opskit.definitions.search import folders
from opskit.model.problem import DefinitionError, Problem
from opskit.report.tested_text import tested_json, tested_text


def test(options: Options, /, files: tuple[Path, ...], coverage: bool, as_json: bool, lang: str | None) -> int:
    """Run the tests and print what differs."""
    context = plain_context(options, lang)
    paths = files or _found(context.definitions)
    if not paths:
        raise click.UsageError("there is no file of tests beside the playbooks: name one")
    tests, covered = suite(context, _loaded(paths))
    shown = covered if coverage else []
    with a_reader_may_leave():
        if as_json:
            out_json(tested_json(tests, shown, context.reader))
        else:
            out(tested_text(tests, shown, context.reader))
    return 2 if any(each.differs for each in tests) else 0


def _found(definitions: Path | None) -> tuple[Path, ...]:
    """The files in the folders `tests` beside playbooks."""
    return tuple(path for folder in folders("playbooks", definitions) for path in sorted(folder.glob("tests/*.yaml")))


def _loaded(paths: Sequence[Path]) -> list[playbook_tests.Cases]:
    """The files; where some are wrong, the mistakes of all of them together."""
    good, problems = list[playbook_tests.Cases](), list[Problem]()
    for path in paths:
        try:
            good.append(playbook_tests.load(path))
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError(problems)
    return good
