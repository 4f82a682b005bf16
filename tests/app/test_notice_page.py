"""The page beside the text of a notice."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from opskit.app.context import Context
from opskit.app.notice_page import with_page
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.reader import Reader
from opskit.model.sample import Sample
from opskit.model.settings import EmailSettings, NotifySettings, Settings, WebhookSettings
from opskit.model.status import Status
from opskit.notify.channel import Content
from tests.history.builders import make_state, make_verdict
from tests.report.builders import HOSTILE

NOW = 1_790_000_000.0
MAIL = NotifySettings(email=EmailSettings(("ops@example.com",), "opskit@example.com"))
CONTEXT = Context(Settings(notify=MAIL), Reader(UTC))
CONTENT = Content("llm-1", "gpu-temperature", Status.CRITICAL, "s", "CRITICAL: hot\n\n  GPU 0: 91 C\n")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "history.db", 1.0) as opened:
        yield opened


def measured(store: SqliteStore, metric: str, values: list[float], check: str = "gpu-temperature") -> None:
    """Values of a check, a minute apart, the newest now."""
    for number, value in enumerate(values):
        at = NOW - 60.0 * (len(values) - 1 - number)
        sample = Sample(metric, value, "c", {"gpu": "0"}, at)
        verdict = msgspec.structs.replace(make_verdict(at, check=check), samples=(sample,))
        store.record(verdict, make_state(at, check=check), None, 0.1)


def test_the_numbers_that_the_check_is_judged_by_stand_there_as_a_picture(store: SqliteStore) -> None:
    measured(store, "temperature_c", [60.0 + number for number in range(30)])
    measured(store, "power_w", [200.0 + number for number in range(30)])  # no rule of the check is about it
    found = with_page(CONTEXT, store, CONTENT, NOW)
    assert found.text == CONTENT.text
    assert found.page.count('<img class="chart"') == 1
    assert 'src="cid:chart1" alt="temperature_c 0"' in found.page
    assert base64.b64decode(found.pictures["chart1"]).startswith(b"\x89PNG")
    assert "GPU 0: 91 C" in found.page


def test_without_numbers_the_page_is_the_text(store: SqliteStore) -> None:
    measured(store, "temperature_c", [60.0] * 30)
    found = with_page(CONTEXT, store, CONTENT, NOW)
    assert found.pictures == {}
    assert "<img" not in found.page
    assert '<section class="glance critical">' in found.page
    gone = with_page(CONTEXT, store, msgspec.structs.replace(CONTENT, check="removed"), NOW)
    assert gone.pictures == {}
    assert "GPU 0: 91 C" in gone.page


def test_what_comes_from_outside_is_text(store: SqliteStore) -> None:
    found = with_page(CONTEXT, store, msgspec.structs.replace(CONTENT, text=f"CRITICAL: {HOSTILE}\n"), NOW)
    assert "<script" not in found.page
    assert "&lt;script&gt;" in found.page


def test_who_sends_no_mail_makes_no_page(store: SqliteStore) -> None:
    hook = Context(Settings(notify=NotifySettings(webhook=WebhookSettings("https://hooks.example.com/"))), Reader(UTC))
    assert with_page(hook, store, CONTENT, NOW) == CONTENT
