"""The whole text of a notice."""

from __future__ import annotations

from datetime import timedelta, timezone

import msgspec

from opskit.history.records import StoredFlip
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Item
from opskit.notify.wording import worded

ITEMS = (
    Item(Status.CRITICAL, say("{what}: {value} C", what=Text("GPU 0", "显卡 0"), value=91)),
    Item(Status.OK, say("{what}: {value} C", what=Text("GPU 1", "显卡 1"), value=60)),
)
FLIP = StoredFlip(
    1, "a" * 32, "b" * 32, "gpu-temperature", Status.OK, Status.CRITICAL, 1_790_000_000.0, "GPU 温度", ITEMS
)
SHANGHAI = timezone(timedelta(hours=8))
NOW = 1_790_000_010.0


def test_a_problem_says_the_state_first_then_the_proof():
    assert worded(FLIP, NOW, "llm-1", Reader(SHANGHAI)).text == (
        "CRITICAL: GPU 温度\n"
        "\n"
        "  CRITICAL: GPU 0: 91 C\n"
        "\n"
        "Since: 2026-09-21 22:13:20+08:00; before that OK\n"
        "Host: llm-1\n"
        "Check: gpu-temperature\n"
        "\n"
        "See how it is now: opskit check gpu-temperature\n"
        "Find the cause: opskit triage\n"
    )


def test_a_recovery_shows_what_is_good_now_and_needs_no_cause():
    good = (Item(Status.OK, say("GPU 0: 60 C")),)
    flip = msgspec.structs.replace(FLIP, before=Status.CRITICAL, after=Status.OK, items=good)
    assert worded(flip, NOW, "llm-1", Reader(SHANGHAI)).text == (
        "OK again: GPU 温度\n"
        "\n"
        "  OK: GPU 0: 60 C\n"
        "\n"
        "Since: 2026-09-21 22:13:20+08:00; before that CRITICAL\n"
        "Host: llm-1\n"
        "Check: gpu-temperature\n"
        "\n"
        "See how it is now: opskit check gpu-temperature\n"
    )


def test_an_easing_says_that_it_is_not_over():
    flip = msgspec.structs.replace(FLIP, before=Status.CRITICAL, after=Status.WARNING)
    lines = worded(flip, NOW, "llm-1", Reader(SHANGHAI)).text.splitlines()
    assert lines[0] == "No longer CRITICAL, still WARNING: GPU 温度"
    assert lines[-1] == "Find the cause: opskit triage"


def test_a_late_notice_says_so():
    text = worded(FLIP, FLIP.at + 3600, "llm-1", Reader(SHANGHAI)).text
    assert "This message is 60 minutes late.\n" in text


def test_the_subject_is_the_same_for_problem_easing_and_recovery():
    flips = [msgspec.structs.replace(FLIP, after=after) for after in (Status.CRITICAL, Status.WARNING, Status.OK)]
    subjects = {worded(flip, NOW, "llm-1", Reader(SHANGHAI)).subject for flip in flips}
    assert subjects == {"[opskit] llm-1: GPU 温度"}


def test_the_reader_chooses_the_language():
    chinese = {"{state}: {summary}": "{state}：{summary}", "Host: {host}": "主机：{host}"}
    reader = Reader(SHANGHAI, "zh", lambda template: chinese.get(template, template))
    lines = worded(FLIP, NOW, "llm-1", reader).text.splitlines()
    assert lines[0] == "CRITICAL：GPU 温度"
    assert lines[2] == "  CRITICAL: 显卡 0: 91 C"
    assert "主机：llm-1" in lines


def test_text_from_outside_cannot_add_lines():
    flip = msgspec.structs.replace(FLIP, summary="hot\r\nBcc: all@example.com", items=())
    notice = worded(flip, NOW, "llm-1", Reader(SHANGHAI))
    assert notice.text.splitlines()[0] == "CRITICAL: hot\\x0d\\x0aBcc: all@example.com"
    assert notice.subject == "[opskit] llm-1: hot\\x0d\\x0aBcc: all@example.com"


def test_a_long_list_is_cut_and_counted():
    flip = msgspec.structs.replace(FLIP, items=ITEMS[:1] * 20)
    lines = worded(flip, NOW, "llm-1", Reader(SHANGHAI)).text.splitlines()
    assert lines[2:15] == ["  CRITICAL: GPU 0: 91 C"] * 12 + ["  and 8 more"]
