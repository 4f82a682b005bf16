"""Columns and line breaks are counted as a terminal shows them: a Chinese character takes two."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from opskit.model.diagnosis import Measured
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.verdict import Item
from opskit.report.proof import proof_lines, value_text
from opskit.report.status_text import Row, status_text
from opskit.report.triage_text import triage_text
from opskit.report.wrapping import columns, wrapped
from tests.report.builders import CHINESE, ENGLISH, GPU, NOON, OK, ROWS, make_state, make_told, make_verdict

TITLES = {"STATE": "状态", "CHECK": "检查项", "SINCE": "开始", "LAST RUN": "最近一次", "WHAT": "情况"}


def starts(row: str) -> list[int]:
    """The display columns at which the cells of a row begin."""
    return [wcswidth(row[: cell.start()]) for cell in re.finditer(r"(?:(?<=\s\s)|^)\S", row)]


def test_chinese_columns_begin_below_each_other():
    reader = msgspec.structs.replace(CHINESE, translate=lambda text: TITLES.get(text, text))
    chinese = make_verdict(GPU, OK, Item(OK, say("{what}", what="显存 正常")))
    rows = [*ROWS, Row("显存检查", make_state(GPU, OK, OK), chinese)]
    head, *body = status_text(rows, NOON + 60, reader).splitlines()
    assert [title in head for title in TITLES.values()] == [True] * 5
    assert {tuple(starts(row)) for row in body} == {tuple(starts(head))}


WRAPPED = [
    ("short", 10, ["short"]),
    ("one two three", 8, ["one two", "three"]),
    ("  one two three", 10, ["  one two", "   three"]),
    ("    one two three", 20, ["    one two three"]),
    ("显存耗尽需要重启", 8, ["显存耗尽", "需要重启"]),
    ("显存耗尽，需要重启。", 8, ["显存耗", "尽，需要", "重启。"]),
    ("GPU 温度过高 now", 8, ["GPU 温度", "过高 now"]),
    ("a /very/long/path/that/stays b", 10, ["a", "/very/long/path/that/stays", "b"]),
    ("anything at all", 0, ["anything at all"]),
    ("", 5, [""]),
]


@pytest.mark.parametrize(("line", "width", "rows"), WRAPPED)
def test_a_line_is_broken_where_its_language_allows(line, width, rows):
    assert list(wrapped(line, width)) == rows


@given(st.text("ab 显，。(1) ", max_size=60), st.integers(0, 40))
def test_nothing_is_lost_in_breaking_and_only_single_words_are_too_long(line, width):
    rows = list(wrapped(line, width))
    assert "".join("".join(rows).split()) == "".join(line.split())
    for row in rows:
        assert not width or columns(row) <= width or " " not in row.strip() or row == line


@pytest.mark.parametrize("kind", ["fault", "healthy", "unknown"])
@pytest.mark.parametrize("reader", [ENGLISH, CHINESE])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_diagnosis_fits_the_screen(kind, reader, width):
    rows = triage_text(make_told(kind), reader, width).splitlines()
    assert max(columns(row) for row in rows) <= width


def test_a_command_to_copy_is_never_broken():
    rows = triage_text(make_told(), ENGLISH, 20).splitlines()
    assert "       systemctl start web" in rows
    assert "     undo: systemctl stop web" in rows


PLACE, OTHER = Evidence("/a.log", "x", 1), Evidence("/b.log", "y", 2)
PROOFS = [
    ([Measured("a.x", True, (PLACE,)), Measured("a.y", 1, (PLACE,))], ["a.x = yes", "a.y = 1", "    /a.log:1  x"]),
    (
        [Measured("a.x", True, (PLACE,)), Measured("b.y", 1, (OTHER,)), Measured("a.z", "", (PLACE,))],
        ["a.x = yes", "a.z = -", "    /a.log:1  x", "b.y = 1", "    /b.log:2  y"],
    ),
    (
        [Measured("a.x", True, (PLACE,)), Measured("a.y", 2, (PLACE, OTHER))],
        ["a.x = yes", "    /a.log:1  x", "a.y = 2", "    /b.log:2  y"],
    ),
    ([Measured("a.x", None), Measured("a.y", 0.5)], ["a.x = unknown", "a.y = 0.5"]),
    ([Measured("a.x", 3, (PLACE, PLACE, OTHER))], ["a.x = 3", "    /a.log:1  x", "    /b.log:2  y"]),
    ([], []),
]


@pytest.mark.parametrize(("proof", "lines"), PROOFS)
def test_a_place_that_proves_several_facts_is_shown_once(proof, lines):
    assert proof_lines(proof, ENGLISH) == lines


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "unknown"), (True, "yes"), (False, "no"), (3, "3"), (0.12345, "0.123"), (2.0, "2"), (-0.0, "0"),
     (100.0, "100"), ("", "-"), ("a\nb", "a\\x0ab"), (0.0001, "0.0001")],
)  # fmt: skip
def test_a_value_is_shown_as_a_person_says_it(value, shown):
    assert value_text(value, ENGLISH) == shown
