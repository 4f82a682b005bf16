"""Every sentence of the program is found by gettext, has its Chinese translation, and the compiled catalogue has it."""

from __future__ import annotations

import ast
import io
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from opskit.app.context import LOCALE

PACKAGE = LOCALE.parent
FOLDER = LOCALE / "zh" / "LC_MESSAGES"


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    """The Chinese catalogue as the translators left it."""
    with (FOLDER / "opskit.po").open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def extracted() -> set[str]:
    """Every message that gettext finds in the code."""
    found = extract_from_dir(PACKAGE, keywords={"say": None})
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Yield each call of `say` in the code."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and is_say(node):
                yield path, node


def is_say(call: ast.Call) -> bool:
    """Whether this is a call of `say`."""
    return isinstance(call.func, ast.Name) and call.func.id == "say"


def fields(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_sentence_is_a_literal_that_extraction_sees() -> None:
    unseen = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path, call in calls()
        if not (call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    ]
    assert unseen == []


def test_no_sentence_hides_in_an_f_string() -> None:
    """Extraction reads tokens, and before Python 3.12 an f-string is one token: what is inside is not seen."""
    hidden = []
    for path in sorted(PACKAGE.rglob("*.py")):
        strings = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.JoinedStr)]
        inside = [node for string_ in strings for node in ast.walk(string_) if isinstance(node, ast.Call)]
        hidden += [f"{path.relative_to(PACKAGE)}:{node.lineno}" for node in inside if is_say(node)]
    assert hidden == []


def test_every_field_of_a_sentence_gets_a_value() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path, call in calls()
        if all(keyword.arg for keyword in call.keywords)
        and {keyword.arg for keyword in call.keywords} != fields(ast.literal_eval(call.args[0]))
    ]
    assert wrong == []


def test_every_sentence_is_in_the_catalogue_and_nothing_else(catalogue: Catalog, extracted: set[str]) -> None:
    assert extracted == {ast.literal_eval(call.args[0]) for _, call in calls()}
    listed = {message.id for message in catalogue if message.id}
    assert sorted(extracted - listed) == [], "new sentences: run `make locale` and translate them"
    assert sorted(listed - extracted) == [], "sentences that are gone: run `make locale`"


def test_every_sentence_has_a_translation(catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.id and not message.string] == []


def test_translations_have_the_same_fields(catalogue: Catalog) -> None:
    differing = [m.id for m in catalogue if m.id and fields(str(m.id)) != fields(str(m.string))]
    assert differing == []


def test_nothing_is_fuzzy_or_obsolete(catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.fuzzy] == []
    assert list(catalogue.obsolete) == []


def test_the_compiled_catalogue_is_up_to_date(catalogue: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    assert (FOLDER / "opskit.mo").read_bytes() == compiled.getvalue(), "run `make locale`"
