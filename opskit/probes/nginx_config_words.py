"""The words of a configuration file, as crossplane splits them, taken together to directives and entries."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_kept import kept_of_map

Word = tuple[str, int, bool]
"""The text, the line that it begins in, and whether it stood in quotes."""
Words = Iterator[Word]
ENDS = ("{", ";", "}")


def arguments(given: Words) -> tuple[list[str], str]:
    """Return the words up to the end of a directive, and what ended it: empty at the end of the file."""
    args = list[str]()
    for word, _, quoted in given:
        if not quoted and word in ENDS:
            return args, word
        if quoted or not word.startswith("#"):
            args.append(word)
    return args, ""


def skip(given: Words) -> None:
    """Pass over the rest of a block."""
    depth = 1
    for word, _, quoted in given:
        depth += {"{": 1, "}": -1}.get(word, 0) if not quoted else 0
        if not depth:
            return


def entries_of(given: Words, found: Directive, number: int) -> Iterator[Directive]:
    """The lines of a `map`."""
    words = list[Word]()
    for word, line, quoted in given:
        if not quoted and word == "}":
            return
        if quoted or word not in ENDS:
            words.append((word, line, quoted))
            continue
        told = kept_of_map(found.args[0] if found.args else "", [each for each, _, _ in words])
        if told:
            yield Directive(told[0], told[1:], number, words[0][1])
        words.clear()
