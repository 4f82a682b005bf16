"""`opskit lint`: 0 where everything can be used, 3 where something cannot."""

from __future__ import annotations

import os
from pathlib import Path

from opskit.app.context import environment_language, reader_for
from opskit.app.lint import lint as lint_all
from opskit.cli.options import Options
from opskit.cli.output import out, out_json
from opskit.definitions import settings
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.settings import Settings


def lint(options: Options, folder: Path | None, *, as_json: bool) -> int:
    """Print every problem as `file:line: what is wrong`."""
    reader = reader_for(options.lang or environment_language())
    problems: list[Problem] = []
    found = Settings()
    try:
        found = settings.load(settings.locate(options.config, os.environ))
    except DefinitionError as error:
        problems += error.problems
    files, more = lint_all(found, folder or options.definitions)
    problems += more
    errors = [problem for problem in problems if not problem.advice]
    if as_json:
        listed = [{"file": p.source, "line": p.line, "text": reader.read(p.text), "advice": p.advice} for p in problems]
        out_json({"files": files, "errors": len(errors), "problems": listed})
    else:
        for problem in problems:
            note = reader.read(say(" (advice)")) if problem.advice else ""
            out(problem.render(reader.translate, reader.lang) + note)
        out(reader.read(say("{files} files, {errors} errors", files=files, errors=len(errors))))
    return 3 if errors else 0
