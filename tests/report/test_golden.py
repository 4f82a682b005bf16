"""What each report looks like, whole: `golden/` holds one file for each, to be read as its reader would see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.report.check_checkmk import check_checkmk
from opskit.report.check_json import check_json
from opskit.report.check_nagios import check_nagios
from opskit.report.check_text import check_text
from opskit.report.daily import daily_text
from opskit.report.daily_html import daily_html
from opskit.report.daily_json import daily_json
from opskit.report.status_text import status_text
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import done_text, triage_text
from tests.report.builders import CHINESE, ENGLISH, NOON, OUTCOMES, ROWS, make_day, make_told, make_treatment

GOLDEN = Path(__file__).parent / "golden"
BUNDLE = "bundle.tar.gz"

REPORTS: dict[str, Callable[[], str]] = {
    "triage-fault-80.en.txt": lambda: triage_text(make_told(), ENGLISH),
    "triage-fault-80.zh.txt": lambda: triage_text(make_told(origin=BUNDLE), CHINESE),
    "triage-fault-40.en.txt": lambda: triage_text(make_told(), ENGLISH, 40),
    "triage-fault-40.zh.txt": lambda: triage_text(make_told(), CHINESE, 40),
    "triage-fault-unwrapped.en.txt": lambda: triage_text(make_told(), ENGLISH, 0),
    "triage-healthy-80.en.txt": lambda: triage_text(make_told("healthy"), ENGLISH),
    "triage-healthy-40.zh.txt": lambda: triage_text(make_told("healthy"), CHINESE, 40),
    "triage-unknown-80.en.txt": lambda: triage_text(make_told("unknown"), ENGLISH),
    "triage-unknown-40.zh.txt": lambda: triage_text(make_told("unknown"), CHINESE, 40),
    "triage-fault.en.md": lambda: triage_md(make_told(origin=BUNDLE), ENGLISH),
    "triage-unknown.zh.md": lambda: triage_md(make_told("unknown"), CHINESE),
    "triage-treated.en.md": lambda: triage_md(make_told(treatment=make_treatment()), ENGLISH),
    "triage-treated.en.txt": lambda: done_text(make_told(treatment=make_treatment("no")), ENGLISH),
    "triage-treated.zh.txt": lambda: done_text(make_told(treatment=make_treatment("unknown")), CHINESE, 40),
    "triage-fault.json": lambda: json.dumps(triage_json(make_told(), ENGLISH), indent=2),
    "check.en.txt": lambda: check_text(OUTCOMES, ENGLISH),
    "check.zh.txt": lambda: check_text(OUTCOMES, CHINESE),
    "check.json": lambda: json.dumps(check_json(OUTCOMES, ENGLISH), indent=2),
    "nagios-several.en.txt": lambda: check_nagios(OUTCOMES, ENGLISH),
    "nagios-one.en.txt": lambda: check_nagios(OUTCOMES[1:2], ENGLISH),
    "nagios-verbose.en.txt": lambda: check_nagios(OUTCOMES[1:2], ENGLISH, 2),
    "check-verbose.zh.txt": lambda: check_text(OUTCOMES, CHINESE, 1),
    "checkmk.en.txt": lambda: check_checkmk(OUTCOMES, ENGLISH),
    "nagios-well.zh.txt": lambda: check_nagios(OUTCOMES[:1], CHINESE),
    "status.en.txt": lambda: status_text(ROWS, NOON + 60, ENGLISH),
    "status.zh.txt": lambda: status_text(ROWS, NOON + 60, CHINESE),
    "daily.en.txt": lambda: daily_text(make_day(), ENGLISH),
    "daily.zh.txt": lambda: daily_text(make_day(), CHINESE),
    "daily.en.html": lambda: daily_html(make_day(), ENGLISH),
    "daily.zh.html": lambda: daily_html(make_day(), CHINESE),
    "daily.json": lambda: json.dumps(daily_json(make_day(), ENGLISH), indent=2, ensure_ascii=False),
    "daily-quiet.en.txt": lambda: daily_text(make_day(quiet=True), ENGLISH),
    "daily-silent.en.txt": lambda: daily_text(make_day(silent=True), ENGLISH),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_what_it_was(name):
    assert REPORTS[name]().rstrip("\n") + "\n" == (GOLDEN / name).read_text("utf-8")


def test_every_golden_file_is_compared():
    assert {path.name for path in GOLDEN.iterdir()} == set(REPORTS)
