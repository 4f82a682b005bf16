"""`opskit playbook list`, `show` and `graph`: what the definitions say. Nothing is measured."""

from __future__ import annotations

from typing import Literal

import click

from opskit.app.context import Context
from opskit.cli.explain import CODE
from opskit.cli.explain_cause import explain_cause
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.cli.triage_output import a_reader_may_leave, width
from opskit.definitions import playbooks
from opskit.model.playbook import Playbook
from opskit.model.problem import DefinitionError
from opskit.report import playbook_graph
from opskit.report.playbook_json import book_json, list_json, step_json
from opskit.report.playbook_text import book_text, list_text, spine_text, step_text


def list_all(options: Options, /, as_json: bool, lang: str | None) -> int:
    """Print the list; 3 where a file cannot be used, whose mistakes are told on stderr."""
    context = plain_context(options, lang)
    loaded = playbooks.load(context.definitions)
    books = [book for _, book in sorted(loaded.good.items())]
    with a_reader_may_leave():
        if as_json:
            out_json({"playbooks": list_json(books, context.reader), "broken": sorted(loaded.broken)})
        else:
            out(list_text(books, context.reader))
    errors = [problem for problem in loaded.problems if not problem.advice]
    if errors:
        raise DefinitionError(errors)
    return 0


def show(options: Options, /, name: str, part: str | None, as_json: bool, lang: str | None) -> int:
    """Print a playbook, one of its steps, or a cause."""
    context = plain_context(options, lang)
    if CODE.fullmatch(name) and part is None:
        return explain_cause(Options(options.config, options.definitions, lang or options.lang), name, as_json=as_json)
    book = _book(context, name)
    if part is not None and part in book.causes:
        return explain_cause(Options(options.config, options.definitions, lang or options.lang), part, as_json=as_json)
    if part is not None and part not in book.steps:
        raise click.UsageError(f"{name} has no step or cause '{part}'")
    with a_reader_may_leave():
        if as_json:
            out_json(step_json(book, book.steps[part], context.reader) if part else book_json(book, context.reader))
        elif part is not None:
            out(step_text(book, book.steps[part], context.reader, width()))
        else:
            out(book_text(book, context.reader, width()))
    return 0


def graph(options: Options, /, name: str, form: Literal["text", "mermaid", "dot"], lang: str | None) -> int:
    """Print the drawing."""
    context = plain_context(options, lang)
    book = _book(context, name)
    with a_reader_may_leave():
        if form == "text":
            out(spine_text(book, context.reader, width()))
        elif form == "mermaid":
            out(playbook_graph.mermaid(book, context.reader))
        else:
            out(playbook_graph.dot(book, context.reader))
    return 0


def _book(context: Context, name: str) -> Playbook:
    """The playbook, once it is known to be one that can be walked."""
    return context.tree(name).playbook
