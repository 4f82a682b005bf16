"""Whether something is to be told is looked for often where something is open, and seldom where all is calm."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from opskit.app.context import Context
from opskit.app.rounds import round_of, tell_due
from opskit.app.vigil import Vigil
from opskit.model.check import Check
from opskit.model.reader import Reader
from opskit.model.settings import HistorySettings, NotifySettings, Settings, WebhookSettings
from opskit.model.text import Text
from opskit.schedule.plan import Plan
from tests.notify.web_receiver import Receiver

GOOD = Check("page", Text("A page answers"), Text("w"), "plugin", (), 60.0, 5.0, {"command": ["/bin/echo", "fine"]})
BAD = msgspec.structs.replace(GOOD, args={"command": ["/bin/sh", "-c", "echo down; exit 2"]})


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that nobody sets."""
    return Clock()


def looks(vigil: Vigil, clock: Clock, seconds: int, context: Context) -> list[float]:
    """Return how many seconds after its beginning a daemon that asks every five seconds has looked."""
    found, began = [], clock.now
    while clock.now < began + seconds:
        if vigil.is_due():
            found.append(clock.now - began)
            vigil.looked(calm=tell_due(context).calm)
        clock.now += 5
    return found


def test_it_looks_often_where_something_is_open(clock: Clock, tmp_path: Path) -> None:
    web = Receiver()
    web.start()
    notify = NotifySettings(webhook=WebhookSettings(web.url), triage=False, group_wait=0.0)
    settings = Settings(notify=notify, history=HistorySettings(str(tmp_path / "history.db")))
    context, vigil = Context(settings, Reader(UTC)), Vigil(clock)
    try:
        assert looks(vigil, clock, 90, context) == [0, 30, 60]

        def ran(check: Check) -> None:
            round_of(context, Plan((check,), 60.0, 0.0), vigil.measured)

        ran(GOOD)
        assert looks(vigil, clock, 60, context) == [0, 30]
        clock.now += 5
        ran(BAD)
        assert looks(vigil, clock, 30, context) == [0, 5, 10, 15, 20, 25]
        assert [json.loads(body)["kind"] for _, _, body in web.got] == ["problem"]
        ran(GOOD)
        assert looks(vigil, clock, 60, context) == [0, 30]
        assert [json.loads(body)["kind"] for _, _, body in web.got] == ["problem", "recovery"]
    finally:
        web.stop()
