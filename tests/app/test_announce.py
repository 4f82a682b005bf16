"""Days and weeks of incidents through the real rules, history and definitions: which notices go out, when, and why."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from opskit.app.announce import Announcer
from opskit.app.context import Context
from opskit.app.daily import retire
from opskit.app.kinship import kin_of
from opskit.history.incident import Ack, Kin, Silence, StoredNotice
from opskit.history.sqlite import SqliteStore, open_store
from opskit.judge.settle import settle
from opskit.model.check import Check
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.settings import DowntimeSettings, EmailSettings, NotifySettings, Settings
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict
from opskit.notify.deliver import as_sent
from opskit.notify.webhook_channel import payload_of
from tests.report.schema import wrong

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
MAIL = EmailSettings(("ops@example.com",), "opskit@example.com")
NOTIFY = NotifySettings(email=MAIL, triage=False)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


class Simulation:
    """A host on which checks run and the daemon looks every five seconds; time goes as fast as the machine."""

    def __init__(self, path: Path, notify: NotifySettings = NOTIFY, start: datetime = MIDNIGHT) -> None:
        self.context = Context(Settings(notify=notify), Reader(start.tzinfo or UTC))
        self.checks = self.context.checks()
        self.start = start
        self.store: SqliteStore = open_store(path / "history.db", start.timestamp())
        self.states: dict[str, State] = {}

    def at(self, seconds: float) -> float:
        return self.start.timestamp() + seconds

    def confirmed(self, seconds: float, name: str, status: Status) -> None:
        """Let a check come to a confirmed state: as many equal results as it wants, at the same moment."""
        check = self.checks[name]
        for step in range(check.sustain.n):
            self.result(seconds + (step - check.sustain.n) * 0.001, check, status)

    def result(self, seconds: float, check: Check, status: Status) -> None:
        """One run of a check."""
        at = self.at(seconds)
        item = Item(status, say("measured {status}", status=status.value))
        verdict = Verdict(check.id, status, (item,), at)
        state, flip = settle(check, self.states.get(check.id), verdict, self.context.reader.read(check.summary))
        self.states[check.id] = state
        self.store.record(verdict, state, flip, 0.1, kin_of(self.context, check) if flip else Kin())

    def look(self, seconds: float, patient: bool = True) -> None:
        """Decide, as the daemon does."""
        moment = datetime.fromtimestamp(self.at(seconds), self.start.tzinfo)
        Announcer(self.context, self.store, moment, patient=patient).announce()

    def looks(self, since: float, until: float, every: float = MINUTE) -> None:
        """Decide again and again, while every check goes on to say what it said."""
        seconds = since
        while seconds < until:
            self.store._db.execute("UPDATE checks SET at = max(at, ?)", (self.at(seconds - 1),))
            self.look(seconds)
            seconds += every

    def notices(self) -> list[StoredNotice]:
        return self.store.notices(0, 9e12)

    def told(self) -> list[tuple[float, str]]:
        """When, in minutes since the start, what was told."""
        return [(round((one.at - self.start.timestamp()) / MINUTE, 1), one.kind) for one in self.notices()]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Simulation]:
    simulation = Simulation(tmp_path)
    yield simulation
    simulation.store.close()


def simulated(path: Path, **changes: object) -> Simulation:
    return Simulation(path, msgspec.structs.replace(NOTIFY, **changes))


def test_one_fault_is_one_incident_with_what_it_affects(host: Simulation):
    for name in ("ollama-health", "latency", "nginx-errors", "certificate"):
        host.confirmed(0, name, OK)
    host.confirmed(100, "ollama-health", CRITICAL)
    host.confirmed(110, "latency", CRITICAL)
    host.look(112)
    host.confirmed(115, "nginx-errors", CRITICAL)
    host.looks(120, 1000, 5)
    (notice,) = host.notices()
    assert (notice.at - host.at(0), notice.kind) == (130.0, "problem")
    text = json.loads(notice.content)["text"]
    assert text.startswith("CRITICAL: ")
    assert "Check: ollama-health" in text
    affected = text.split("Also affected:\n")[1].split("\n\n")[0]
    assert [line.split(",")[0].strip() for line in affected.splitlines()] == [
        "CRITICAL latency",
        "CRITICAL nginx-errors",
    ]
    host.confirmed(1000, "certificate", CRITICAL)
    host.looks(1000, 1100, 5)
    assert [one.incident for one in host.notices()] == [1, 2]


def test_problem_and_recovery_are_told_once_each_however_often_somebody_looks(host: Simulation):
    host.confirmed(0, "clawdbot-health", OK)
    host.confirmed(600, "clawdbot-health", CRITICAL)
    host.looks(600, 1200, 1)
    host.confirmed(1200, "clawdbot-health", OK)
    host.looks(1200, 3000, 1)
    assert host.told() == [(10.5, "problem"), (20.0, "recovery")]
    assert host.store.unsettled() == []
    reasons = [one.reason for one in host.store.decisions(1)]
    assert list(dict.fromkeys(reasons)) == ["group-wait", "problem", "told-already", "recovery"]


def test_what_is_gone_before_the_group_is_complete_is_never_told(host: Simulation):
    host.confirmed(0, "clawdbot-health", OK)
    host.confirmed(600, "clawdbot-health", CRITICAL)
    host.look(605)
    host.confirmed(620, "clawdbot-health", OK)
    host.looks(621, 3000, 5)
    assert host.told() == []
    assert [one.reason for one in host.store.decisions(1)] == ["group-wait", "not-announced"]


def test_a_night_of_reminders(host: Simulation):
    host.confirmed(0, "clawdbot-health", CRITICAL)
    host.looks(0, 60 * HOUR, 30)
    hours = [(round(minute / 60, 2), kind) for minute, kind in host.told()]
    assert hours == [
        (0.01, "problem"),
        (1.01, "reminder"),
        (3.01, "reminder"),
        (7.01, "reminder"),
        (15.01, "reminder"),
        (31.01, "reminder"),
        (55.01, "reminder"),
    ]


def test_acknowledged_it_is_quiet_until_the_time_or_until_it_gets_worse(tmp_path: Path):
    host = simulated(tmp_path, least="warning")
    host.confirmed(0, "gpu-temperature", WARNING)
    host.looks(0, 10 * MINUTE, 30)
    assert host.store.acknowledge(1, Ack(host.at(4 * HOUR), WARNING, "ada", "", host.at(600)))
    host.looks(10 * MINUTE, 2 * HOUR, 30)
    host.confirmed(2 * HOUR, "gpu-temperature", CRITICAL)
    host.looks(2 * HOUR, 3 * HOUR, 30)
    host.confirmed(3 * HOUR, "gpu-temperature", WARNING)
    host.looks(3 * HOUR, 4.1 * HOUR, 30)
    assert host.told() == [(0.5, "problem"), (120.0, "worse"), (240.0, "eased")]


def test_a_downtime_of_the_configuration_holds_and_its_end_tells(tmp_path: Path):
    down = (DowntimeSettings("02:00-04:00", ("mon",), ("gpu-*",)),)
    host = simulated(tmp_path, downtimes=down)
    for name in ("gpu-temperature", "clawdbot-health"):
        host.confirmed(3 * HOUR, name, CRITICAL)
    host.looks(3 * HOUR, 4.5 * HOUR, 30)
    checks = [
        (one.at - host.at(0), json.loads(one.content)["check"]) for one in host.notices() if one.kind == "problem"
    ]
    assert checks == [(3 * HOUR + 30, "clawdbot-health"), (4 * HOUR, "gpu-temperature")]


def test_a_silence_holds_one_check_and_not_what_is_bad_beside_it(host: Simulation):
    host.store.silence(Silence(0, "latency", host.at(0), host.at(2 * HOUR), "ada", ""))
    host.confirmed(60, "latency", CRITICAL)
    host.looks(60, 600, 30)
    assert host.told() == []
    host.confirmed(600, "ollama-health", CRITICAL)
    host.looks(600, 900, 30)
    assert host.told() == [(10.0, "problem")]


def test_the_end_of_a_silence_tells_again_what_was_told_before(host: Simulation):
    host.confirmed(0, "latency", CRITICAL)
    host.looks(0, 60, 30)
    host.store.silence(Silence(0, "*", host.at(60), host.at(5 * HOUR), "ada", ""))
    host.looks(60, 5.2 * HOUR, 30)
    assert host.told() == [(0.5, "problem"), (300.0, "hold-over")]


def test_quiet_hours_are_for_a_state(tmp_path: Path):
    host = simulated(tmp_path, least="warning", quiet_hours={"warning": "22:00-07:00"})
    host.confirmed(3 * HOUR, "gpu-temperature", WARNING)
    host.confirmed(3 * HOUR, "certificate", CRITICAL)
    host.looks(3 * HOUR, 7.2 * HOUR, 30)
    found = [(one.kind, json.loads(one.content)["check"], one.at - host.at(0)) for one in host.notices()]
    assert [one for one in found if one[0] == "problem"] == [
        ("problem", "certificate", 3 * HOUR + 30),
        ("problem", "gpu-temperature", 7 * HOUR),
    ]


def test_a_check_that_comes_and_goes_is_told_hourly_and_at_its_end(host: Simulation):
    check = msgspec.structs.replace(host.checks["host-resources"], sustain=host.checks["clawdbot-health"].sustain)
    for minute in range(6 * 60):
        bad = minute < 180 and minute % 4 in (0, 1)
        host.result(minute * MINUTE, check, CRITICAL if bad else OK)
        host.looks(minute * MINUTE, (minute + 1) * MINUTE, 15)
    kinds = [kind for _, kind in host.told()]
    begin = kinds.index("flapping")
    assert kinds[begin:] == ["flapping", "still-flapping", "still-flapping", "recovery"]
    last_change = 178 * MINUTE
    over = host.notices()[-1].at - host.at(0)
    assert last_change < over <= last_change + 31 * MINUTE
    assert len(host.store.incidents(0, 9e12)) <= 6


def test_not_knowing_is_told_when_it_lasts_and_is_no_news_where_the_fault_is_known(host: Simulation):
    host.confirmed(0, "latency", OK)
    host.confirmed(60, "latency", UNKNOWN)
    host.looks(60, 30 * MINUTE, 30)
    host.confirmed(30 * MINUTE, "ollama-health", CRITICAL)
    host.looks(30 * MINUTE, 50 * MINUTE, 30)
    assert host.told() == [(30.5, "problem")]
    host.confirmed(60 * MINUTE, "ollama-health", OK)
    host.confirmed(60 * MINUTE, "latency", OK)
    host.looks(60 * MINUTE, 70 * MINUTE, 30)
    host.confirmed(2 * HOUR, "certificate", OK)
    host.confirmed(2 * HOUR + 60, "certificate", UNKNOWN)
    host.looks(2 * HOUR, 4 * HOUR, 30)
    assert host.told()[1:] == [(60.0, "recovery"), (181.0, "not-knowing")]


def test_too_many_at_once_are_told_in_a_digest_and_nothing_is_lost(tmp_path: Path):
    host = simulated(tmp_path, per_hour=5)
    template = host.checks["certificate"]
    checks = [msgspec.structs.replace(template, id=f"site-{number:03}") for number in range(100)]
    for check in checks:
        host.result(0, check, CRITICAL)
    host.looks(0, 15 * MINUTE, 5)
    assert [kind for _, kind in host.told()] == ["problem"] * 5 + ["digest"]
    digest = json.loads(host.notices()[-1].content)
    assert len(digest["facts"]["incidents"]) == 95
    assert digest["text"].count("CRITICAL site-") == 95
    for check in checks:
        host.result(20 * MINUTE, check, OK)
    host.looks(20 * MINUTE, 40 * MINUTE, 5)
    assert host.store.unsettled() == []
    kinds = [kind for _, kind in host.told()]
    assert kinds.count("digest") == 2
    over = json.loads(next(one.content for one in reversed(host.notices()) if one.kind == "digest"))
    assert {one["status"] for one in over["facts"]["incidents"]} == {"ok"}
    assert len(over["facts"]["incidents"]) + kinds.count("recovery") == 100


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.drill)])
def test_many_checks_that_flap_for_an_hour(tmp_path: Path, count: int):
    host = simulated(tmp_path, per_hour=10)
    often = msgspec.structs.replace(host.checks["host-resources"], sustain=host.checks["clawdbot-health"].sustain)
    checks = [msgspec.structs.replace(often, id=f"flap-{number:04}") for number in range(count)]
    chance = random.Random(11)
    for minute in range(130):
        for check in checks:
            host.result(minute * MINUTE, check, CRITICAL if minute < 60 and chance.random() < 0.5 else OK)
        host.looks(minute * MINUTE, (minute + 1) * MINUTE, 15)
    assert host.store.unsettled() == []

    notices = host.notices()
    alone = [one.at for one in notices if one.incident is not None]
    digests = [one.at for one in notices if one.incident is None]
    assert max(sum(at - HOUR < other <= at for other in alone) for at in alone) == 10
    assert min(later - earlier for earlier, later in pairwise(digests)) >= 10 * MINUTE

    named = Counter[int](one.incident for one in notices if one.incident is not None)
    ended = Counter[int](one.incident for one in notices if one.incident is not None and one.kind == "recovery")
    for digest in (json.loads(one.content)["facts"]["incidents"] for one in notices if one.incident is None):
        named.update(one["id"] for one in digest)
        ended.update(one["id"] for one in digest if one["status"] == "ok")
    told = {one.id for one in host.store.incidents(0, 9e12) if one.said.count}
    assert set(named) == told == set(ended)
    assert set(ended.values()) == {1}
    assert max(named.values()) <= 5  # problem, perhaps one more, that it flaps, perhaps that it still does, its end
    flapped = {flip.check for number in told for flip in host.store.incident_flips(number)}
    assert len(flapped) == count


def test_a_week_and_every_mail_of_it(tmp_path: Path):
    """Monday to Sunday: a fault that affects others, one that eases, one in a downtime, one nobody is awake for."""
    host = simulated(
        tmp_path,
        least="warning",
        quiet_hours={"warning": "22:00-07:00"},
        downtimes=(DowntimeSettings("12:00-13:00", ("wed",)),),
    )
    for name in host.checks:
        host.confirmed(0, name, OK)
    events = [
        (10 * HOUR, "ollama-health", CRITICAL),
        (10 * HOUR + 3 * MINUTE, "latency", WARNING),
        (10 * HOUR + 20 * MINUTE, "ollama-health", OK),
        (10 * HOUR + 25 * MINUTE, "latency", OK),
        (DAY + 23 * HOUR, "gpu-temperature", WARNING),
        (DAY + 23.5 * HOUR, "gpu-temperature", OK),
        (2 * DAY + 12.1 * HOUR, "clawdbot-health", CRITICAL),
        (2 * DAY + 12.5 * HOUR, "clawdbot-health", OK),
        (2 * DAY + 23 * HOUR, "certificate", WARNING),
        (4 * DAY + 9 * HOUR, "gpu-temperature", CRITICAL),
        (4 * DAY + 9.2 * HOUR, "gpu-temperature", WARNING),
        (4 * DAY + 9.6 * HOUR, "gpu-temperature", OK),
    ]
    clock = 0.0
    for at, name, status in events:
        host.looks(clock, at, 5 * MINUTE)
        host.confirmed(at, name, status)
        host.looks(at, at + 2 * MINUTE, 5)
        clock = at + 2 * MINUTE
    host.looks(clock, 7 * DAY, 5 * MINUTE)
    told = [
        (
            (one.at - host.at(0)) // DAY,
            round((one.at - host.at(0)) % DAY / HOUR, 2),
            one.kind,
            json.loads(one.content)["check"],
        )
        for one in host.notices()
    ]
    assert [one for one in told if one[3] != "certificate"] == [
        (0, 10.01, "problem", "ollama-health"),
        (0, 10.17, "more", "ollama-health"),
        (0, 10.33, "eased", "latency"),
        (0, 10.42, "recovery", "ollama-health"),
        (4, 9.01, "problem", "gpu-temperature"),
        (4, 9.2, "eased", "gpu-temperature"),
        (4, 9.6, "recovery", "gpu-temperature"),
    ]
    certificate = [one for one in told if one[3] == "certificate"]
    assert certificate[0] == (3, 7.03, "problem", "certificate")
    assert {one[2] for one in certificate[1:]} == {"reminder"}
    assert all(7 <= one[1] < 22 for one in certificate)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path: Path, jump: float):
    host = simulated(tmp_path)
    host.confirmed(2 * HOUR, "clawdbot-health", CRITICAL)
    host.look(2 * HOUR + 5)
    host.looks(2 * HOUR + 10 + jump, 2 * HOUR + 120 + jump, 5)
    host.confirmed(2 * HOUR + 120 + jump, "clawdbot-health", OK)
    host.looks(2 * HOUR + 125 + jump, 2 * HOUR + 300 + jump, 5)
    assert [kind for _, kind in host.told()] == ["problem", "recovery"]


@pytest.mark.parametrize(
    "day",
    [datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin"))],
)
def test_reminders_do_not_care_how_long_a_day_is(tmp_path: Path, day: datetime):
    host = Simulation(tmp_path, NOTIFY, day)
    host.confirmed(HOUR, "clawdbot-health", CRITICAL)
    host.looks(HOUR, 10 * HOUR, 30)
    assert [minute for minute, _ in host.told()] == [60.5, 120.5, 240.5, 480.5]


def test_whatever_happens_every_problem_told_has_its_end_told_and_no_other(tmp_path: Path):
    """A random month: what was told and is over has exactly one recovery; what was not told has none."""
    chance = random.Random(11)
    host = simulated(tmp_path, per_hour=1000)
    names = sorted(host.checks)
    now = 0.0
    for _ in range(400):
        now += chance.choice([3.0, 20.0, 90.0, 900.0, 7200.0])
        host.confirmed(now, chance.choice(names), chance.choice([OK, OK, WARNING, CRITICAL, UNKNOWN]))
        for step in range(chance.randrange(4)):
            host.look(now + 1 + step * 15)
    for name in names:
        for minute in range(0, 4 * 60, 10):
            host.confirmed(now + 10 + minute * MINUTE, name, OK)
    host.looks(now + 20, now + 5 * HOUR, 60)
    assert host.store.unsettled() == []
    incidents = host.store.incidents(0, 9e12)
    assert len(incidents) > 25
    for incident in incidents:
        kinds = [one.kind for one in host.store.incident_notices(incident.id)]
        assert kinds.count("recovery") == bool(kinds), (incident.id, kinds)
        assert "recovery" not in kinds[:-1]


def test_where_nobody_is_told_incidents_still_end(tmp_path: Path):
    host = Simulation(tmp_path, NotifySettings())
    host.confirmed(0, "certificate", CRITICAL)
    host.look(60)
    host.confirmed(100, "certificate", OK)
    host.look(110)
    assert host.notices() == []
    assert host.store.unsettled() == []
    assert host.store.incidents(0, 9e12)[0].closed_at == pytest.approx(host.at(100), abs=1)


def test_every_notice_is_as_the_schema_publishes_it(tmp_path: Path):
    schema = json.loads((Path(__file__).parents[2] / "docs/schemas/notice-v1.json").read_text("utf-8"))
    host = simulated(tmp_path, per_hour=3)
    for number, name in enumerate(sorted(host.checks)):
        host.confirmed(number * MINUTE, name, CRITICAL)
    host.looks(0, 30 * MINUTE, 15)
    for name in host.checks:
        host.confirmed(40 * MINUTE, name, OK)
    host.looks(40 * MINUTE, 2 * HOUR, 60)
    assert {"problem", "digest"} <= {kind for _, kind in host.told()}
    for notice in host.notices():
        posted = json.loads(json.dumps(payload_of(as_sent(notice, notice.at, host.context.reader))))
        assert wrong(posted, schema) == []


def test_a_check_that_was_taken_away_holds_no_incident_open(host: Simulation):
    host.confirmed(0, "certificate", CRITICAL)
    host.looks(0, 60, 5)
    removed = msgspec.structs.replace(host.checks["certificate"], id="site-certificate")
    host.result(100, removed, CRITICAL)
    host.looks(100, 200, 5)
    host.store._db.execute("UPDATE checks SET valid_until = 0")  # three weeks ago
    retire(host.context, host.store)
    host.looks(200, 300, 5)
    assert [(one.incident, one.kind) for one in host.notices()] == [(1, "problem"), (2, "problem"), (2, "retired")]
    text = json.loads(host.notices()[-1].content)["text"]
    assert text.startswith("No longer watched, its check was taken away: ")
    assert "OK again" not in text
    assert [one.id for one in host.store.unsettled()] == [1]


def test_a_check_that_runs_is_never_taken_away(host: Simulation):
    removed = msgspec.structs.replace(host.checks["certificate"], id="site-certificate")
    host.result(datetime.now(UTC).timestamp() - host.at(0), removed, CRITICAL)
    retire(host.context, host.store)
    assert [one.closed_at for one in host.store.unsettled()] == [None]


def test_what_ends_while_a_digest_is_made_gets_its_end(tmp_path: Path):
    """Between a look at the incidents and the digest minutes may pass: the others are diagnosed meanwhile."""
    host = simulated(tmp_path, per_hour=1)
    template = host.checks["certificate"]
    checks = [msgspec.structs.replace(template, id=f"site-{number}") for number in range(3)]
    for check in checks:
        host.result(0, check, CRITICAL)
    ended = False

    def meanwhile() -> None:
        nonlocal ended
        if not ended:
            ended = True
            host.result(41, checks[2], OK)

    moment = datetime.fromtimestamp(host.at(40), UTC)
    Announcer(host.context, host.store, moment, patient=True).announce(meanwhile)
    assert ended
    for check in checks[:2]:
        host.result(50, check, OK)
    host.looks(3700, 3800, 30)
    host.looks(7400, 7500, 30)
    assert host.store.unsettled() == []
    told = [one for one in host.notices() if one.kind in {"digest", "recovery"}]
    digests = [json.loads(one.content)["facts"]["incidents"] for one in told if one.kind == "digest"]
    assert [each["id"] for each in digests[0]] == [2]
    ends = [one.incident for one in told if one.kind == "recovery"]
    over = [each["id"] for listed in digests[1:] for each in listed if each["status"] == "ok"]
    assert sorted([*ends, *over]) == [1, 2]


def test_a_diagnosis_that_breaks_keeps_no_alert_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The boundary itself: whatever is thrown there is what nobody has thought of."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("opskit.app.diagnose.diagnosed", broken)
    host = simulated(tmp_path)
    host.confirmed(0, "certificate", CRITICAL)
    host.looks(0, 60, 5)
    assert [kind for _, kind in host.told()] == ["problem"]


def test_the_moment_is_that_of_the_caller(host: Simulation):
    host.confirmed(0, "certificate", CRITICAL)
    Announcer(host.context, host.store, MIDNIGHT + timedelta(seconds=31), patient=True).announce()
    assert host.notices()[0].at == host.at(31)


def test_a_check_that_somebody_else_runs_is_not_retired(tmp_path: Path):
    host = Simulation(tmp_path)
    host.context = Context(host.context.settings, host.context.reader, tmp_path)
    assert "mine" not in host.context.checks()
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "mine.yaml").write_text(
        "summary: {en: s, zh: s}\nwhy: {en: w, zh: w}\nprobe: plugin\nwith: {command: [/bin/false]}\n"
        "every: 60s\ntimeout: 5s\n"
    )
    host.result(0, msgspec.structs.replace(host.checks["certificate"], id="mine", every=60.0), CRITICAL)
    retire(host.context, host.store)
    (incident,) = host.store.incidents(0, 9e12)
    assert (incident.closed_at, incident.status) == (None, CRITICAL)
    host.store.close()
