"""YAML is read as YAML 1.2 and strictly, and no file can hang or end the process that reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.definitions.plain import plain
from opskit.definitions.reader import Document, compose, lines
from opskit.definitions.search import LARGEST
from opskit.model.problem import DefinitionError, Lines

# What YAML 1.1 makes of these: booleans, 1350, 5400, 511, 685230, dates, a number without its zero.
SCALARS = [
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO"),
    ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
    ("22:30", "22:30"), ("1:30:00", "1:30:00"), ("190:20:30.15", "190:20:30.15"),
    ("0777", 777), ("0o777", 511), ("0x1F", 31), ("0b11", "0b11"), ("1_000", "1_000"), ("+5", 5), ("-0", 0),
    ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1.5E-2", -0.015), ("3.10", 3.1),
    (".inf", ".inf"), (".nan", ".nan"), ("1e999", "1e999"), ("9" * 101, "9" * 101), ("1,5", "1,5"), ("٣", "٣"),
    ("null", None), ("~", None), ("", None), ("nUll", "nUll"), ("None", "None"),
    ("2026-11-23", "2026-11-23"), ("2026-11-23 10:00:00", "2026-11-23 10:00:00"),
    ('"true"', "true"), ("'5'", "5"), ("=", "="), ("<<", "<<"),
    ("[a, no, 08]", ["a", "no", 8]), ("{no: on}", {"no": "on"}),
    (">-\n  one\n  two", "one two"), ("|\n  one\n  two\n", "one\ntwo\n"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), SCALARS)
def test_scalars_are_those_of_yaml_1_2(written, value):
    read = plain(compose(f"key: {written}\n".encode(), "x.yaml").root)["key"]
    assert read == value
    assert type(read) is type(value)


def test_branches_named_yes_no_and_on_are_three_texts():
    assert plain(compose(b"yes: a\nno: b\non: c\n", "x.yaml").root) == {"yes": "a", "no": "b", "on": "c"}


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfkey: 1\n", b"key: 1\r\n", b"---\nkey: 1\n...\n", b"# c\nkey: 1"])
def test_marks_and_line_ends_of_editors_do_no_harm(data):
    assert plain(compose(data, "x.yaml").root) == {"key": 1}


DEEP = {
    "open brackets": "a: " + "[" * 400_000,
    "closed brackets": "a: " + "[" * 400_000 + "]" * 400_000,
    "open braces": "a: " + "{b: " * 200_000,
    "dashes": "a:\n" + "- " * 400_000,
    "keys of keys": "? " * 400_000,
    "indentation": "".join(f"{' ' * n}a:\n" for n in range(1400)),
}


@pytest.mark.parametrize("shape", DEEP)
def test_deep_nesting_is_refused_and_ends_no_process(shape):
    # In a process of its own: what goes wrong here is a segmentation fault.
    script = (
        "import sys\n"
        "from opskit.definitions.reader import compose\n"
        "from opskit.model.problem import DefinitionError\n"
        "try:\n    compose(sys.stdin.buffer.read(), 'x.yaml')\n"
        "except DefinitionError as error:\n    print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], input=DEEP[shape].encode(), capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"nested too deeply" in ended.stdout


def test_forty_levels_are_enough_for_anybody_and_are_read():
    data = b"a: " + b"[" * 38 + b"]" * 38
    assert plain(compose(data, "x.yaml").root) == eval("{'a': " + "[" * 38 + "]" * 38 + "}")  # noqa: S307


def test_a_file_above_the_limit_is_refused_and_one_below_is_read():
    padding = b"# " + b"x" * (LARGEST - 9) + b"\n"
    assert plain(compose(padding + b"a: 1\n", "x.yaml").root) == {"a": 1}
    with pytest.raises(DefinitionError, match=r"^x\.yaml: the file is larger than 1 MiB"):
        compose(padding + b"a: 12345\n", "x.yaml")


def test_laughs_are_counted_by_the_line_and_not_by_the_billion():
    written = ["a: &a0 x"] + [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    document = compose("\n".join(written).encode(), "x.yaml")
    assert len(document.problems) == 29
    assert plain(document.root)["b29"] == [""] * 9


STRUCTURE = """\
a: 1
b: &b {c: 1, c: 2, 5: x, d: {e: 1, e: 2}}
a: [3]
? [x]
: 4
f: *b
*b : 5
g: !!int "6"
h: !own {i: 1, i: 2}
~: 7
j: [8, *b, {k: *none}]
"""


def test_a_tree_is_mended_so_that_the_rest_can_be_read():
    document = compose(STRUCTURE.encode(), "x.yaml")
    alias = "aliases (*name) are not used in definitions: write the value out"
    assert [(problem.line, str(problem.text)) for problem in document.problems] == [
        (2, "duplicate key 'e', first in line 2"),
        (2, "duplicate key 'c', first in line 2"),
        (2, 'key 5 is not text: put it in quotes, "5"'),
        (3, "duplicate key 'a', first in line 1"),
        (4, "a key is text, not a list, nor keys and values"),
        (6, alias),
        (7, alias),
        (8, "tags (tag:yaml.org,2002:int) are not used in definitions"),
        (9, "duplicate key 'i', first in line 9"),
        (9, "tags (!own) are not used in definitions"),
        (10, 'key ~ is not text: put it in quotes, "~"'),
        (11, alias),
    ]
    assert plain(document.root) == {
        "a": 1, "b": {"c": 1, "d": {"e": 1}}, "f": "", "g": "6", "h": {"i": 1}, "j": [8, "", {"k": ""}],
    }  # fmt: skip


ROUND = ["a: &a [*a]", "a: &a {b: *a}", "a: &a {*a : 1}", "&a a: *a", "&r\na: *r", "a: &a [&b [*a, *b], *c]", "a: *a"]


@pytest.mark.parametrize("written", ROUND)
def test_an_alias_that_leads_back_is_no_circle_in_the_tree(written):
    document = compose(written.encode(), "x.yaml")
    assert {str(problem.text).partition(" (")[0] for problem in document.problems} == {"aliases"}
    assert set(plain(document.root)) == {"a"}
    assert lines(document.root).of("a") == written.count("\n") + 1


def test_what_ends_the_reading_does_not_hide_what_came_before():
    for end in ("b: [", "b: " + "[" * 50, "---\nc: 1"):
        with pytest.raises(DefinitionError) as refused:
            compose(f"a: {{x: 1, x: 2}}\n{end}\n".encode(), "x.yaml")
        first, _end = refused.value.problems
        assert str(first.text) == "duplicate key 'x', first in line 1"


def test_the_lines_of_a_tree_are_found_by_their_places():
    known = lines(compose(b"a: 1\nb:\n  c:\n    d: 2\ne:\n- f\n- g: 1\n  h:\n    2\n", "x.yaml").root)
    places: list[tuple[tuple[str | int, ...], int]] = [
        (("a",), 1), (("b", "c", "d"), 4), (("b", "x"), 2), (("x",), 0), (("a", "b"), 1), ((), 0),
        (("e",), 5), (("e", 0), 6), (("e", 1), 7), (("e", 1, "h"), 8), (("e", 2), 5), (("e", "1"), 5), (("e", -1), 5),
    ]  # fmt: skip
    assert [known.of(*place) for place, _line in places] == [line for _place, line in places]
    assert known.at("e", 1).of("h") == 8
    assert known.at("b", "x").of("y") == 2


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t~<=01", max_size=60))
def test_any_text_is_read_or_refused_with_its_line(text):
    data = text.encode("utf-8", "surrogatepass")
    try:
        document = compose(data, "x.yaml")
    except DefinitionError as error:
        problems = error.problems
    else:
        problems = document.problems
        assert isinstance(plain(document.root), dict)
        assert isinstance(lines(document.root), Lines)
    last = data.count(b"\n") + data.count(b"\r") + text.count("\x85") + 3
    assert all(0 <= problem.line <= last for problem in problems)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    try:
        kind = type(compose(data, "x.yaml"))
    except DefinitionError as error:
        kind = type(error)
    assert kind in {Document, DefinitionError}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab ä显:#'\"", max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abn_", min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_json_writes_is_read_back(value):
    import json

    assert plain(compose(json.dumps({"key": value}, ensure_ascii=False).encode(), "x.yaml").root) == {"key": value}
