"""Outcomes and diagnoses as the rooms below hand them up, for the tests of what is shown."""

from __future__ import annotations

from datetime import date, timedelta, timezone

from opskit.history.records import Runs, StoredFlip
from opskit.model.check import Check, Rule, Sustain
from opskit.model.diagnosis import Diagnosis, Measured
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.treatment import Attempt, Treatment, Verified
from opskit.model.verdict import Item, Verdict
from opskit.report.day import Certificate, Changed, Count, Curve, Day, DayIncident, Notices, Traffic
from opskit.report.status_text import Row
from opskit.report.told import Told
from opskit.triage.walk import walk
from tests.triage.builders import make_tree

ZONE = timezone(timedelta(hours=8))
ENGLISH = Reader(ZONE, "en")
CHINESE = Reader(ZONE, "zh")
NOON = 1_790_136_000.0  # 2026-09-23 12:00 in the zone above

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN

# What a log line, a label or an error of a remote may hold.
HOSTILE = "a|b\n<script>alert(1)</script>\x1b[31m\u202etxt.exe\x00`id` $(id) **x** [l](http://evil) 显存 & ;"

GPU = Check(
    "gpu-temperature",
    Text("No GPU runs too hot", "显卡温度正常"),
    Text("Heat slows it down", "过热会降频"),
    "gpu",
    (Rule("temperature_c", "80", "85", per="gpu"),),
    every=60.0,
    timeout=5.0,
    sustain=Sustain(4, 6),
)
CHAT = Check(
    "clawdbot-health",
    Text("Clawdbot answers", "Clawdbot 有应答"),
    Text("Users see it", "用户看到它"),
    "http",
    (Rule("answered", crit="1:"),),
    every=3600.0,
    timeout=5.0,
)
LATENCY = Check(
    "latency", Text("As fast as usual", "与平时一样快"), Text("Users feel it", "用户有感受"), "latency",
    (Rule("total_s", "~:30"),), every=900.0, timeout=60.0,
)  # fmt: skip


def measured(gpu: str, value: float, status: Status) -> Item:
    """One judged GPU."""
    text = say("{name} {value}", name=f"temperature_c {gpu}", value=value)
    if status is not OK:
        text = say("{name} {value} is outside {range}", name=f"temperature_c {gpu}", value=value, range="80")
    return Item(status, text, Sample("temperature_c", value, "", {"gpu": gpu}, NOON), "80", "85")


def make_verdict(check: Check, status: Status, *items: Item, notes: tuple[str, ...] = ()) -> Verdict:
    """A verdict of these items, with their samples."""
    samples = tuple(item.sample for item in items if item.sample)
    told = tuple(say("{note}", note=note) for note in notes)
    return Verdict(check.id, status, items, NOON, samples, told, (Evidence("nvml", field="temperature", at=NOON),))


def make_state(check: Check, hard: Status, seen: Status, recent: tuple[Status, ...] = ()) -> State:
    """A state since an hour ago."""
    return State(check.id, hard, seen, NOON - 3600, NOON, NOON + 180, recent or (hard, seen))


HOT = make_verdict(GPU, WARNING, measured("0", 82.5, WARNING), measured("1", 40.0, OK), notes=("driver 560.35",))
WELL = make_verdict(CHAT, OK, Item(OK, say("answered 1"), Sample("answered", 1.0)))
DARK = make_verdict(LATENCY, UNKNOWN, Item(UNKNOWN, say("no value for total_s: {why}", why=say("timed out"))))

OUTCOMES = [
    (CHAT, WELL, make_state(CHAT, OK, OK)),
    (GPU, HOT, make_state(GPU, OK, WARNING, (OK, OK, WARNING))),
    (LATENCY, DARK, None),
]

REFUSED = Evidence("http://web:8080/", "connect: [Errno 111] Connection refused")
LINE = Evidence("/var/log/web.log", "2026-09-23 11:59:58 died of a panic, see the log of the service for more", 42)


def make_told(
    kind: str = "fault", origin: str = "", text: str | None = None, treatment: Treatment | None = None
) -> Told:
    """A diagnosis of the small playbook: `fault` with something else seen, `healthy`, or `unknown`."""
    tree = make_tree()
    failure = "refused" if text is None else text
    place = REFUSED if text is None else Evidence(text, text, 1)
    web = Reading(facts={"refused": kind == "fault", "answer_s": 1.25, "failure": failure if kind == "fault" else ""},
                  evidence={"refused": (place, LINE), "failure": (place, LINE)})  # fmt: skip
    card = Reading(facts={"hot": kind == "fault", "hottest_c": 91.0 if kind == "fault" else 50.0},
                   evidence={"hottest_c": (Evidence("nvml", field="temperature of GPU 0"),)})  # fmt: skip
    if kind == "unknown":
        card = Reading(unreadable=say("{why}", why=text or "the driver library is not on this host"))
    found = walk(tree, {"web": web, "card": card})
    assert isinstance(found, Diagnosis)
    return Told(
        found,
        tree.playbook,
        NOON,
        1.234,
        origin,
        host="chat-host" if text is None else f"x{text}",
        versions={"opskit": "1.2.3", "Python": "3.11.7"},
        recorded_with={"opskit": "1.2.2"} if origin else {},
        took={} if origin else {"web": 0.25, "card": 0.5},
        notes=(say("Ollama {version}", version=text or "0.13.1"),),
        treatment=treatment,
    )


def make_treatment(holds: str = "yes", output: str = "[ ok ] web\n```\n# done", before: str = "no") -> Treatment:
    """One command of each fate, and after them a cure or none."""
    restart = ("systemctl", "start", "web")
    why = say("no result within {seconds} s", seconds=2) if holds == "unknown" else None
    after = Measured("web.refused", {"yes": False, "no": True, "unknown": None}[holds], (REFUSED,), why)
    return Treatment(
        Verified(before, (Measured("web.refused", before == "no" or None),)),  # type: ignore[arg-type]
        (
            Attempt(("cat", "/var/log/web log"), "read-only", "ended", NOON + 60, 0.04, 0, output, left_out=4096),
            Attempt(
                restart, "changes-state", "ended", NOON + 90, 2.5, 1, lingers=True, undo=("systemctl", "stop", "web")
            ),
            Attempt(("slow",), "disruptive", "late", NOON + 95, 300.0),
            Attempt(("stopped",), "read-only", "interrupted", NOON + 99, 1.0),
            Attempt(("killed",), "read-only", "ended", NOON + 99, 1.0, -9),
            Attempt(("absent",), None, "not-started", why=say("there is no program {name} here", name="absent")),
            Attempt(("reboot",), "disruptive", "declined"),
            Attempt(("other",), "disruptive", "not-asked"),
        ),
        Verified(holds, (after,), 30.2),  # type: ignore[arg-type]
    )


ROWS = [
    Row("clawdbot-health", make_state(CHAT, OK, OK), WELL),
    Row("gpu-temperature", make_state(GPU, OK, WARNING), HOT),
    Row("latency", None, None),
    Row("certificate", State("certificate", OK, OK, NOON - 86400, NOON - 7200, NOON - 3600), WELL),
    Row("gpu-memory", make_state(GPU, CRITICAL, OK), make_verdict(GPU, OK, measured("0", 40.0, OK))),
]


def make_day(*, silent: bool = False, quiet: bool = False) -> Day:
    """A day with two checks of three that ran, one on which nothing did, or one on which nothing happened."""
    span = {
        "day": date(2026, 9, 23),
        "host": "chat-host",
        "since": NOON - 43200,
        "until": NOON + 43200,
        "now": NOON + 72000,
    }
    if silent:
        return Day(**span, runs=(), planned={"latency": 96})
    if quiet:
        return Day(**span, runs=(Runs("latency", {OK: 95}, NOON - 43000, NOON, 0.2),), planned={"latency": 96})
    runs = (
        Runs("gpu-temperature", {OK: 1200, WARNING: 240}, NOON - 43000, NOON, 0.2),
        Runs("clawdbot-health", {OK: 23}, NOON - 43000, NOON, 0.1),
    )
    flips = (
        StoredFlip(1, 1, "gpu-temperature", OK, WARNING, NOON - 3600, "No GPU runs too hot"),
        StoredFlip(2, 2, "latency", None, CRITICAL, NOON, "As fast\nas usual\x1b[2J"),
    )
    incidents = (
        DayIncident(1, WARNING, "No GPU runs too hot", ("gpu-temperature",), NOON - 3600, NOON - 600, notices=2),
        DayIncident(
            2,
            CRITICAL,
            "As fast\nas usual\x1b[2J<b>",
            ("latency", "nginx-errors"),
            NOON - 90000,
            None,
            "OPS403",
            Text("The GPU's memory is exhausted", "显存耗尽"),
            1,
        ),
    )
    traffic = Traffic(
        3433,
        3000.0,
        (
            Count("401", 8, 14.2, (("batch-job 10.0.0.5", 8),)),
            Count("429", 0, 0.0),
            Count("5xx", 57, None, (("<script>alert(1)</script>", 57),)),
        ),
        (say("{n} of {m} lines have no known format", n=3, m=3436),),
    )
    before = tuple((NOON - 40000 + 900.0 * number, 4.0 + number % 5 / 10) for number in range(80))
    curves = (
        Curve(Text("Time of a whole answer", "完整回答的耗时"), "s", before, 4.0, (3.6, 4.8)),
        Curve(Text("Time to the first word", "首字时间"), "s", ((NOON, 0.5),), 0.0),
        Curve(Text("GPU memory", "显存占用"), "%", (), 50.0),
    )
    return Day(
        **span,
        runs=runs,
        planned={"gpu-temperature": 1440, "clawdbot-health": 24, "latency": 96, "certificate": 0},
        incidents=incidents,
        flips=flips,
        traffic=traffic,
        curves=curves,
        certificates=(Certificate("chat.example.com:443", 8.4), Certificate("/etc/old.pem", -3.2)),
        notices=Notices(3, 1, 1, {"only-warning": 4, "quiet-hours": 1}),
        changes=(Changed("/etc/nginx/sites-enabled/qwen3-prod", NOON - 3000),),
        notes=(say("{check}: {text}", check="gpu-temperature", text="driver 560.35"),),
    )
