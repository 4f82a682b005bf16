"""The whole text of a notice."""

from __future__ import annotations

from datetime import timedelta, timezone

import msgspec

from opskit.history.incident import Incident, Member, Said
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Item
from opskit.notify.moment import Reason
from opskit.notify.wording import Diagnosed, Story, facts_of, worded

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
ITEMS = (
    Item(CRITICAL, say("{what}: {value} C", what=Text("GPU 0", "显卡 0"), value=91)),
    Item(OK, say("{what}: {value} C", what=Text("GPU 1", "显卡 1"), value=60)),
)
T = 1_790_000_000.0
HOT = Member("gpu-temperature", CRITICAL, CRITICAL, T, T, T, T + 60, None, "GPU 温度", ITEMS, CRITICAL)
SLOW = Member("latency", WARNING, WARNING, T + 600, T + 600, T + 600, T + 999, None, "As fast as usual")
DOWN = Member("nginx-errors", CRITICAL, CRITICAL, T + 60, T + 60, T + 60, T + 999, None, "Nginx answers")
DEPENDS = {"latency": frozenset({"gpu-temperature"}), "nginx-errors": frozenset({"latency", "gpu-temperature"})}
READER = Reader(timezone(timedelta(hours=8)))


def story(reason: Reason = Reason.PROBLEM, *members: Member, **more: object) -> Story:
    incident = Incident(7, "seed", T, more.pop("closed", None), False, 0, more.pop("said", Said()), members or (HOT,))
    return Story(incident, reason, T + 30, "llm-1", DEPENDS, **more)


def lines(told: Story, reader: Reader = READER) -> list[str]:
    return worded(told, reader).text.splitlines()


def test_a_problem_says_the_state_first_then_the_proof():
    content = worded(story(), READER)
    assert content.text == (
        "CRITICAL: GPU 温度\n"
        "\n"
        "  CRITICAL: GPU 0: 91 C\n"
        "\n"
        "Since: 2026-09-21 22:13:20+08:00\n"
        "Host: llm-1\n"
        "Check: gpu-temperature\n"
        "Incident: 7\n"
        "\n"
        "See how it is now: opskit check gpu-temperature\n"
        "Find the cause: opskit triage\n"
        "Hear no more of it for four hours: opskit alerts ack 7 --for 4h\n"
    )
    assert (content.host, content.check, content.status) == ("llm-1", "gpu-temperature", CRITICAL)


def test_a_recovery_shows_what_is_good_now_and_how_long_it_lasted():
    well = msgspec.structs.replace(HOT, hard=OK, newest=OK, items=(Item(OK, say("GPU 0: 60 C")),))
    assert worded(story(Reason.RECOVERY, well, closed=T + 7260), READER).text == (
        "OK again after 2 h 1 min: GPU 温度\n"
        "\n"
        "  OK: GPU 0: 60 C\n"
        "\n"
        "Since: 2026-09-21 22:13:20+08:00\n"
        "Host: llm-1\n"
        "Check: gpu-temperature\n"
        "Incident: 7\n"
        "\n"
        "See how it is now: opskit check gpu-temperature\n"
    )


def test_what_stands_on_the_nearest_check_is_told_as_affected_and_the_rest_apart():
    tls = Member("certificate", CRITICAL, CRITICAL, T, T, T, T + 60, None, "Valid")
    told = lines(story(Reason.MORE, DOWN, HOT, SLOW, tls))
    assert told[0] == "CRITICAL, and more checks than before: GPU 温度"
    assert told[3:11] == [
        "",
        "Also affected:",
        "  CRITICAL nginx-errors, since 2026-09-21 22:14:20+08:00: Nginx answers",
        "  WARNING latency, since 2026-09-21 22:23:20+08:00: As fast as usual",
        "",
        "At the same time:",
        "  CRITICAL certificate, since 2026-09-21 22:13:20+08:00: Valid",
        "",
    ]


def test_a_warning_below_is_not_accused_of_an_alarm_on_top():
    """The check that is nearest to the fault is looked for among the worst: a warm card stops no Nginx."""
    warm = msgspec.structs.replace(HOT, hard=WARNING)
    assert worded(story(Reason.PROBLEM, warm, DOWN), READER).check == "nginx-errors"


def test_the_subject_is_the_same_for_all_of_an_incident():
    contents = [
        worded(story(), READER),
        worded(story(Reason.MORE, HOT, DOWN), READER),
        worded(story(Reason.EASED, msgspec.structs.replace(HOT, hard=WARNING), DOWN), READER),
        worded(story(Reason.RECOVERY, msgspec.structs.replace(HOT, hard=OK)), READER),
    ]
    assert {content.subject for content in contents} == {"[opskit] llm-1: GPU 温度"}


def test_the_first_line_says_what_kind_of_news_it_is():
    warm, dark = msgspec.structs.replace(HOT, hard=WARNING), msgspec.structs.replace(HOT, hard=UNKNOWN)
    since = "2026-09-21 22:13:20+08:00"
    for told, expected in (
        (story(Reason.EASED, warm, said=Said(CRITICAL)), "No longer CRITICAL, still WARNING: GPU 温度"),
        (story(Reason.WORSE, said=Said(WARNING)), "CRITICAL, no longer only WARNING: GPU 温度"),
        (story(Reason.FLAPPING), "CRITICAL, comes and goes: GPU 温度"),
        (story(Reason.STILL_FLAPPING), f"CRITICAL, still comes and goes, since {since}: GPU 温度"),
        (story(Reason.STEADY), "CRITICAL, no longer comes and goes: GPU 温度"),
        (story(Reason.REMINDER), f"Still CRITICAL, since {since}: GPU 温度"),
        (story(Reason.HOLD_OVER), f"Still CRITICAL, since {since}: GPU 温度"),
        (story(Reason.NOT_KNOWING, dark), "UNKNOWN, nobody can tell whether this holds: GPU 温度"),
    ):
        assert lines(told)[0] == expected


def test_the_diagnosis_stands_in_the_notice_and_is_not_asked_for_again():
    found = Diagnosed(
        ("What triage found:", "  FAULT OPS401", "     sudo systemctl restart ollama"), {"cause": "OPS401"}
    )
    told = story(diagnosed=found)
    text = lines(told)
    assert text[4:7] == list(found.lines)
    assert "Find the cause: opskit triage" not in text
    assert facts_of(told)["diagnosis"] == {"cause": "OPS401"}


def test_what_was_not_measured_lately_says_so():
    late = msgspec.structs.replace(HOT, valid_until=T + 10)
    assert "  last measured 2026-09-21 22:13:20+08:00" in lines(story(Reason.REMINDER, late))
    assert not any("last measured" in line for line in lines(story(Reason.REMINDER)))


def test_the_reader_chooses_the_language():
    chinese = {"{state}: {summary}": "{state}：{summary}", "Host: {host}": "主机：{host}"}
    reader = Reader(READER.zone, "zh", lambda template: chinese.get(template, template))
    text = lines(story(), reader)
    assert text[0] == "CRITICAL：GPU 温度"
    assert text[2] == "  CRITICAL: 显卡 0: 91 C"
    assert "主机：llm-1" in text


def test_text_from_outside_cannot_add_lines():
    hostile = msgspec.structs.replace(HOT, summary="hot\r\nBcc: all@example.com", items=())
    content = worded(story(Reason.PROBLEM, hostile), READER)
    assert content.text.splitlines()[0] == "CRITICAL: hot\\x0d\\x0aBcc: all@example.com"
    assert content.subject == "[opskit] llm-1: hot\\x0d\\x0aBcc: all@example.com"


def test_a_long_list_is_cut_and_counted():
    many = msgspec.structs.replace(HOT, items=ITEMS[:1] * 20)
    assert lines(story(Reason.PROBLEM, many))[2:15] == ["  CRITICAL: GPU 0: 91 C"] * 12 + ["  and 8 more"]


def test_the_facts_are_for_programs():
    facts = facts_of(story(Reason.MORE, HOT, DOWN))
    assert facts["incident"] == {"id": 7, "seed": "seed", "opened_at": T, "closed_at": None}
    assert (facts["kind"], facts["status"], facts["check"], facts["affected"]) == (
        "more",
        "critical",
        "gpu-temperature",
        ["nginx-errors"],
    )
    assert [check["findings"] for check in facts["checks"]] == [["GPU 0: 91 C", "GPU 1: 60 C"], []]
