"""A playbook as a picture: the source of a Mermaid flowchart, or of a Graphviz digraph.

Words come from a file that a site wrote, so nothing in them may end a label: Mermaid takes entity codes (`#34;`) for
that, dot a backslash. Every node's name begins with a letter of ours, for `end` by itself is a word of Mermaid's. No
title begins with `1. `, which it takes for a list.
"""

from __future__ import annotations

from collections.abc import Iterator

from opskit.model.playbook import Playbook, Target
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.regex import regex
from opskit.report.playbook_words import answers_text, branches, question_of, target_text

_LONGEST = 1000
_NO_NODE = regex(r"[^A-Za-z0-9_]")
_MERMAID = regex(r"[\"#<>&`;|{}\[\]()\\]")


def mermaid(book: Playbook, reader: Reader) -> str:
    """Return the source of a flowchart, a box around each stage."""
    lines = ["flowchart TD"]
    for number, title in enumerate(book.stages, 1):
        lines.append(f'  subgraph stage_{number}["{number}: {_entities(reader.read(title))}"]')
        lines += [
            f'    {_node(Target(step=step.id))}{{"{_entities(question_of(book, step, reader))}"}}'
            for step in book.steps.values()
            if step.stage == number
        ]
        lines.append("  end")
    for target, text in _ends(book, reader):
        lines.append(f'  {_node(target)}["{_entities(text)}"]')
    lines += [f'  {start} -->|"{_entities(label)}"| {to}' for start, label, to in _edges(book, reader)]
    return "\n".join(lines)


def dot(book: Playbook, reader: Reader) -> str:
    """Return the source of a digraph, a cluster for each stage."""
    lines = [f"digraph {_quoted(book.id)} {{", "  node [shape=box];"]
    for number, title in enumerate(book.stages, 1):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(f'{number}: {reader.read(title)}')};"]
        for step in book.steps.values():
            if step.stage == number:
                node = _node(Target(step=step.id))
                lines.append(f"    {node} [shape=ellipse, label={_quoted(question_of(book, step, reader))}];")
        lines.append("  }")
    lines += [f"  {_node(target)} [label={_quoted(text)}];" for target, text in _ends(book, reader)]
    lines += [f"  {start} -> {to} [label={_quoted(label)}];" for start, label, to in _edges(book, reader)]
    return "\n".join([*lines, "}"])


def _ends(book: Playbook, reader: Reader) -> Iterator[tuple[Target, str]]:
    """The places where walks end, each once."""
    reached = [target for step in book.steps.values() for target in step.then.values() if target.step is None]
    for target in dict.fromkeys(reached):
        yield target, target_text(book, target, reader)


def _edges(book: Playbook, reader: Reader) -> Iterator[tuple[str, str, str]]:
    for step in book.steps.values():
        for answers, target in branches(step):
            yield _node(Target(step=step.id)), answers_text(answers, reader), _node(target)


def _node(target: Target) -> str:
    if target.step is not None:
        return f"s_{_NO_NODE.sub('_', target.step)}"
    return f"c_{_NO_NODE.sub('_', target.cause)}" if target.cause is not None else f"e_{target.end}"


def _entities(text: str) -> str:
    return _MERMAID.sub(lambda found: f"#{ord(found[0])};", printable(text, _LONGEST))


def _quoted(text: str) -> str:
    escaped = printable(text, _LONGEST).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
