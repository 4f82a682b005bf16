"""Whatever a log line, a label or a remote says, a report stays what it is: one line a line, text, one perfdata."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from opskit.judge.perfdata import parse
from opskit.model.message import say
from opskit.model.printable import first_unsafe
from opskit.model.sample import Sample
from opskit.model.text import Text
from opskit.model.verdict import Item
from opskit.report.check_json import check_json
from opskit.report.check_nagios import check_nagios
from opskit.report.check_text import Shown, check_text
from opskit.report.status_text import Row, status_text
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import triage_text
from tests.report.builders import (
    CHAT,
    CHINESE,
    CRITICAL,
    ENGLISH,
    GPU,
    HOSTILE,
    NOON,
    OK,
    OUTCOMES,
    WARNING,
    make_state,
    make_told,
    make_treatment,
    make_verdict,
)  # fmt: skip

# Everything that has made trouble somewhere, and whatever else there is.
NASTY = st.text() | st.sampled_from([HOSTILE, "|", "<b>", "\r\n", "a=1;2", "'", "::", "```\n# x", "\ud800", "x" * 900])


def hostile_outcome(text: str, value: float | None = 91.5) -> Shown:
    """A check whose label, words and notes all say `text`."""
    labels = {"gpu": text}
    item = Item(CRITICAL, say("{name} is hot", name=text), Sample("temperature_c", value, "", labels), "80", "85")
    return GPU, make_verdict(GPU, CRITICAL, item, notes=(text,)), make_state(GPU, CRITICAL, CRITICAL)


def nagios_is_sound(output: str, pieces: int) -> None:
    assert output.count("|") == pieces
    assert len(output.encode("utf-8", "strict")) <= 8000
    assert first_unsafe(output, allowed="\n") is None
    assert not re.search(r"<[A-Za-z/!]", output)
    perfdata = output.partition("\n")[0].partition("|")[2]
    assert parse(perfdata).rejected == 0


@given(NASTY)
def test_nagios_gets_one_line_of_status_and_perfdata_whatever_the_label_is(text):
    output = check_nagios([hostile_outcome(text)], ENGLISH)
    nagios_is_sound(output, 1)
    (item,) = parse(output.partition("\n")[0].partition("|")[2]).items
    assert (item.value, item.warn, item.crit) == (91.5, "80", "85")
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,62}", item.label)


@given(st.lists(NASTY, min_size=2, max_size=12, unique=True))
def test_nagios_gets_sound_output_of_many_hostile_checks(texts):
    nagios_is_sound(check_nagios([hostile_outcome(text) for text in texts], CHINESE), 1)


@pytest.mark.parametrize("count", [1, 50, 400, 2000])
@pytest.mark.parametrize("length", [1, 120])
@pytest.mark.parametrize("reader", [ENGLISH, CHINESE])
def test_nagios_keeps_whole_items_within_eight_thousand_bytes_and_says_what_is_left_out(count, length, reader):
    items = [
        Item(
            WARNING,
            say("{what}", what=f"第{n}项 " + "显" * length),
            Sample("m", float(n), "B", {"n": f"{n}-" + "x" * length}),
        )
        for n in range(count)
    ]
    output = check_nagios([(GPU, make_verdict(GPU, WARNING, *items), None)], reader)
    nagios_is_sound(output, 1)
    kept = parse(output.partition("\n")[0].partition("|")[2]).items
    assert [item.value for item in kept] == [float(n) for n in range(len(kept))]
    if len(kept) < count:
        assert f"{count - len(kept)} values do not fit into the perfdata" in output
    shown = len(re.findall("^WARNING: ", output, re.MULTILINE))
    if shown < count:
        assert output.endswith(f"... {count - shown} more lines")
    assert len(kept) >= min(count, 60)


def test_nagios_gets_no_perfdata_and_no_bar_where_nothing_has_a_value():
    nagios_is_sound(check_nagios([hostile_outcome("0", None)], ENGLISH), 0)
    nagios_is_sound(check_nagios([hostile_outcome("0", math.nan)], ENGLISH), 0)


def test_thresholds_of_a_deviation_stay_out_of_the_perfdata_of_the_value():
    item = Item(WARNING, say("off"), Sample("total_s", 9.0, "s"), "~:30", relative=True)
    output = check_nagios([(GPU, make_verdict(GPU, WARNING, item), None)], ENGLISH)
    assert output.partition("\n")[0].endswith("| total_s=9s")


def test_no_check_at_all_is_unknown():
    assert check_nagios([], ENGLISH) == "OPSKIT UNKNOWN - 0 checks"
    assert check_text([], ENGLISH) == "0 checks: -"
    assert check_json([], ENGLISH)["exit_code"] == 3


@given(NASTY)
def test_a_terminal_gets_one_line_for_each_line_and_nothing_that_drives_it(text):
    shown = check_text([hostile_outcome(text), *OUTCOMES], ENGLISH)
    assert len(shown.splitlines()) == len(check_text([hostile_outcome("0"), *OUTCOMES], ENGLISH).splitlines())
    assert first_unsafe(shown, allowed="\n") is None
    told = triage_text(make_told(text="x" + text, origin="x" + text), ENGLISH, 0)
    assert len(told.splitlines()) == len(triage_text(make_told(text="x", origin="x"), ENGLISH, 0).splitlines())
    assert first_unsafe(told, allowed="\n") is None
    dark = triage_text(make_told("unknown", text=text), ENGLISH, 0)
    assert len(dark.splitlines()) == len(triage_text(make_told("unknown"), ENGLISH, 0).splitlines())


@given(NASTY)
def test_a_status_table_keeps_its_rows(text):
    rows = [Row("gpu-temperature", make_state(GPU, CRITICAL, CRITICAL), hostile_outcome(text)[1]), Row("x", None, None)]
    table = status_text(rows, NOON, ENGLISH)
    assert len(table.splitlines()) == 3
    assert first_unsafe(table, allowed="\n") is None


def kinds_of(markdown: str) -> list[str]:
    """What a Markdown reader makes of it: the kinds of all blocks and of all that stands in them but text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = reader.parse(markdown)
    inner = [child for token in tokens for child in token.children or [] if child.type not in {"text", "text_special"}]
    return [token.type for token in tokens] + [child.type for child in inner]


@pytest.mark.parametrize("kind", ["fault", "unknown"])
@settings(deadline=None)  # a busy machine takes its time
@given(NASTY | st.text(alphabet="`*_[]()<>#|!~&$\\-+=1.: \n\tax/"))
def test_hostile_text_stays_text_in_markdown(kind, text):
    harmless = triage_md(make_told(kind, text="x", origin="x"), ENGLISH)
    hostile = triage_md(make_told(kind, text="x" + text, origin="x" + text), ENGLISH)
    assert kinds_of(hostile) == kinds_of(harmless)


def test_a_link_in_a_log_line_does_not_become_one():
    markdown = triage_md(make_told("unknown", text="see https://evil.example/ now"), ENGLISH)
    assert "https://" not in re.sub(r"`[^`\n]+`", "", markdown)  # what is code is no link
    assert "see https://evil.example/ now" in MarkdownIt().render(markdown)


def test_a_fence_cannot_be_closed_from_inside():
    told = make_told()
    remedy = told.diagnosis.finding.cause.remedy[0]
    text = Text("first ``` then ````")
    cause = told.diagnosis.finding.cause
    from msgspec.structs import replace

    finding = replace(told.diagnosis.finding, cause=replace(cause, remedy=(replace(remedy, text=text),)))
    markdown = triage_md(replace(told, diagnosis=replace(told.diagnosis, finding=finding)), ENGLISH)
    assert markdown.count("\n`````\n") == 2
    assert kinds_of(markdown).count("fence") == 2


@given(NASTY, st.floats())
def test_json_is_json_whatever_was_measured(text, value):
    found = check_json([hostile_outcome(text, value)], ENGLISH)
    told = triage_json(make_told(text=text), ENGLISH)
    for answer in (found, told):
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer


@pytest.mark.parametrize("kind", ["fault", "healthy", "unknown"])
def test_the_keys_of_a_verdict_are_the_contract(kind):
    told = triage_json(make_told(kind), CHINESE)
    former = {"verdict", "playbook", "at", "seconds", "cause", "steps", "evidence", "also_seen", "unknown"}
    assert set(told) == former | {"schema", "exit_code", "host", "origin", "versions", "past", "request", "treatment"}
    assert told["verdict"] == kind
    assert (told["cause"] is None) is (kind != "fault")
    if told["cause"]:
        keys = {"code", "layer", "certainty", "summary", "verify", "remedy"}
        assert set(told["cause"]) == keys
        assert (told["cause"]["code"], told["cause"]["certainty"]) == ("OPS901", "certain")
        assert [(set(seen), seen["code"]) for seen in told["also_seen"]] == [({*keys, "follows", "evidence"}, "OPS902")]
    assert {answer["answer"] for answer in told["steps"]} <= {"yes", "no", "unknown"}
    assert {key for step in told["steps"] for key in step} == {"step", "stage", "question", "answer", "measured"}
    assert [set(item) for item in told["unknown"]] == [{"subject", "reason"}] * (kind == "unknown")


def test_an_ok_check_shows_its_summary_and_a_soft_state_says_so():
    soft = (CHAT, OUTCOMES[0][1], make_state(CHAT, CRITICAL, OK))
    assert "not confirmed" not in check_text([soft], ENGLISH)
    assert check_text([OUTCOMES[0]], CHINESE).startswith("OK        clawdbot-health  Clawdbot 有应答 (answered 1)")


@settings(deadline=None)
@given(NASTY | st.text(alphabet="`~*_[]()<>#|!&$\\-+=1.: \n\tax/"))
def test_what_a_command_printed_stays_in_its_fence(text):
    harmless = triage_md(make_told(treatment=make_treatment(output="x")), ENGLISH)
    hostile = triage_md(make_told(treatment=make_treatment(output="x" + text)), ENGLISH)
    assert kinds_of(hostile) == kinds_of(harmless)
    assert first_unsafe(hostile, allowed="\n") is None
    treated = make_told(treatment=make_treatment(output=text))
    assert json.loads(json.dumps(triage_json(treated, ENGLISH), allow_nan=False)) == triage_json(treated, ENGLISH)
