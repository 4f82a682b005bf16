"""Messages are told in the reader's language, and values from outside cannot break out of their line."""

from datetime import timedelta, timezone

import pytest

from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.reader import Reader
from opskit.model.text import Text

CHINESE = {"no value for {name}: {why}": "{name} 没有数值：{why}", "timed out": "超时"}
BERLIN = timezone(timedelta(hours=2))


def test_a_message_is_english_by_itself():
    assert str(say("{n} of {total}", n=3, total=4)) == "3 of 4"


def test_messages_inside_messages_are_translated_too():
    text = say("no value for {name}: {why}", name="temperature_c", why=say("timed out"))
    assert text.render(lambda english: CHINESE[english], "zh") == "temperature_c 没有数值：超时"


def test_words_of_definitions_inside_messages_follow_the_language():
    text = say("{label}: {what}", label="GPU-1", what=Text("too hot", "过热"))
    assert text.render(lang="zh") == "GPU-1: 过热"
    assert text.render(lang="en") == "GPU-1: too hot"


def test_a_value_cannot_begin_a_new_line_or_a_new_field():
    assert str(say("user {name}", name="x\n{0.__class__}\x1b[2J")) == "user x\\x0a{0.__class__}\\x1b[2J"


def test_a_text_without_chinese_is_shown_in_english():
    assert Text("only English").pick("zh") == "only English"
    assert Text("both", "都有").pick("zh") == "都有"
    assert Text("both", "都有").pick("en") == "both"


def test_a_reader_sees_times_in_the_own_zone():
    reader = Reader(BERLIN, "zh")
    assert reader.stamp(0) == "1970-01-01 02:00:00+02:00"
    assert reader.read(Text("day", "日")) == "日"
    assert reader.read(say("at {when}", when="noon")) == "at noon"


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("checks/x.yaml", 3, say("wrong")), "checks/x.yaml:3: wrong"),
        (Problem("checks/x.yaml", 0, say("wrong")), "checks/x.yaml: wrong"),
        (Problem("a\nb\x1b.yaml", 1, say("wrong")), "a\\x0ab\\x1b.yaml:1: wrong"),
    ],
)
def test_a_problem_names_its_place_in_one_line(problem, line):
    assert problem.render() == line


def test_problems_are_listed_by_file_and_line():
    problems = [Problem("b", 1, say("x")), Problem("a", 9, say("y")), Problem("a", 2, say("z"))]
    assert str(DefinitionError(problems)) == "a:2: z\na:9: y\nb:1: x"


@pytest.mark.parametrize(
    ("evidence", "where"),
    [
        (Evidence("/var/log/x.log", line=7), "/var/log/x.log:7"),
        (Evidence("http://h/api/ps", field="models[0]"), "http://h/api/ps models[0]"),
        (Evidence("nvml"), "nvml"),
    ],
)
def test_evidence_says_where_it_was_read(evidence, where):
    assert evidence.where == where
