"""YAML is read as YAML 1.2 and strictly, and no file can hang or end the process that reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opskit.definitions.convert import plain
from opskit.definitions.reader import LARGEST, compose, line_of
from opskit.model.problem import DefinitionError

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
    read = plain(compose(f"key: {written}\n".encode(), "x.yaml"))["key"]
    assert read == value
    assert type(read) is type(value)


def test_branches_named_yes_no_and_on_are_three_texts():
    assert plain(compose(b"yes: a\nno: b\non: c\n", "x.yaml")) == {"yes": "a", "no": "b", "on": "c"}


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfkey: 1\n", b"key: 1\r\n", b"---\nkey: 1\n...\n", b"# c\nkey: 1"])
def test_marks_and_line_ends_of_editors_do_no_harm(data):
    assert plain(compose(data, "x.yaml")) == {"key": 1}


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
    assert plain(compose(data, "x.yaml")) == eval("{'a': " + "[" * 38 + "]" * 38 + "}")  # noqa: S307


def test_a_file_above_the_limit_is_refused_and_one_below_is_read():
    padding = b"# " + b"x" * (LARGEST - 9) + b"\n"
    assert plain(compose(padding + b"a: 1\n", "x.yaml")) == {"a": 1}
    with pytest.raises(DefinitionError, match=r"^x\.yaml: the file is larger than 1 MiB"):
        compose(padding + b"a: 12345\n", "x.yaml")


def test_laughs_are_counted_by_the_line_and_not_by_the_billion():
    lines = ["a: &a0 x"] + [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(DefinitionError) as refused:
        compose("\n".join(lines).encode(), "x.yaml")
    assert len(refused.value.problems) == 29


def test_the_line_of_a_key_is_found_by_its_path():
    root = compose(b"a: 1\nb:\n  c:\n    d: 2\n", "x.yaml")
    assert [line_of(root, *path) for path in (["a"], ["b", "c", "d"], ["b", "x"], ["x"], ["a", "b"])] == [1, 4, 2, 0, 1]


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t~<=01", max_size=60))
def test_any_text_is_read_or_refused_with_its_line(text):
    data = text.encode("utf-8", "surrogatepass")
    try:
        root = compose(data, "x.yaml")
    except DefinitionError as error:
        lines = [problem.line for problem in error.problems]
    else:
        lines = []
        assert isinstance(root, yaml.MappingNode)
    assert all(0 <= line <= data.count(b"\n") + data.count(b"\r") + text.count("\x85") + 3 for line in lines)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    try:
        kind = type(compose(data, "x.yaml"))
    except DefinitionError as error:
        kind = type(error)
    assert kind in {yaml.MappingNode, DefinitionError}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab ä显:#'\"", max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abn_", min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_json_writes_is_read_back(value):
    import json

    assert plain(compose(json.dumps({"key": value}, ensure_ascii=False).encode(), "x.yaml")) == {"key": value}
