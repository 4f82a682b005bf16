"""The boundary: whatever a probe does, its job yields one reading, and in time."""

import threading
from datetime import UTC, datetime

import pytest

from opskit.app.observe import Job, job, observe
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Lines
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.host import Args, Facts


class Scripted(Probe[Args]):
    """A probe that does what a test says."""

    arguments = Args
    facts = Facts

    def __init__(self, collect=None, read=None):
        self._collect, self._read = collect, read

    def defaults(self, settings):
        return Args()

    def looks_at(self, args):
        return id(self)

    def collect(self, args, deadline):
        return self._collect(deadline) if self._collect else (Raw("x", b"", "x"),)

    def read(self, raws, args, now):
        return self._read(raws) if self._read else Reading(facts={"load_per_core": 1.0})


class Clock:
    """A source without a world."""

    def collect(self, job, deadline):
        return job.probe.collect(job.args, deadline)

    def now(self):
        return datetime(2026, 11, 23, tzinfo=UTC)

    def settings(self, own):
        return own


def watch(**probes: Scripted) -> dict[str, Reading]:
    jobs = [Job(name, probe, Args(), 0.3) for name, probe in probes.items()]
    return dict(observe(jobs, Clock()))


def test_a_probe_that_cannot_look_becomes_its_reason():
    def refuse(_deadline: Deadline):
        raise ProbeError(say("no permission for {path}", path="/x"))

    assert str(watch(a=Scripted(refuse))["a"].unreadable) == "no permission for /x"


def test_a_broken_probe_is_unknown_and_its_neighbours_report():
    def crash(_raws):
        raise ZeroDivisionError("api_key=sk-live-0123456789abcdef0123")

    readings = watch(bad=Scripted(read=crash), good=Scripted())
    assert "internal error in probe bad: ZeroDivisionError" in str(readings["bad"].unreadable)
    assert "sk-live" not in str(readings["bad"].unreadable)
    assert readings["good"].unreadable is None


def test_a_probe_that_hangs_is_left_behind_with_the_name_of_its_stage():
    never = threading.Event()

    def hang(deadline: Deadline):
        deadline.enter(say("ask the driver"))
        never.wait(30)
        return ()

    readings = watch(stuck=Scripted(hang), good=Scripted())
    assert readings["stuck"].late
    assert str(readings["stuck"].unreadable) == "no result within 0.3 s, stuck at: ask the driver"
    assert readings["good"].unreadable is None
    never.set()


def test_every_job_reports_exactly_once_even_when_a_late_one_wakes_up():
    woke = threading.Event()

    def late(_deadline: Deadline):
        woke.wait(1.5)
        return (Raw("x", b"", "x"),)

    jobs = [Job(name, Scripted(late), Args(), 0.1) for name in "abc"]
    names = []
    for name, _reading in observe(jobs, Clock()):
        woke.set()
        names.append(name)
    assert sorted(names) == ["a", "b", "c"]


def test_no_jobs_no_readings():
    assert list(observe([], Clock())) == []


@pytest.mark.parametrize(
    ("probe", "given", "said"),
    [
        ("nope", {}, "there is no probe 'nope'"),
        ("gpu", {"expectd": 1}, "expectd"),
        ("gpu", {"expected": "one"}, "expected"),
        ("http", {"target": "elsewhere"}, "elsewhere"),
    ],
)
def test_arguments_are_checked_before_anything_runs(probe, given, said):
    with pytest.raises(DefinitionError, match=said):
        job("x", probe, given, 1.0, Settings(), "checks/x.yaml")


def test_all_wrong_arguments_are_named_each_with_its_line():
    lines = Lines(0, {"with": Lines(4, {"expected": Lines(5), "expectd": Lines(7)})})
    given = {"expected": "one", "expectd": 1, "assumed_limit_c": 80, "color": 2}
    with pytest.raises(DefinitionError) as refused:
        job("x", "gpu", given, 1.0, Settings(), "x.yaml", lines)
    assert [problem.line for problem in refused.value.problems] == [4, 5, 7]
    assert job("x", "gpu", {"assumed_limit_c": 80}, 1.0, Settings(), "x.yaml", lines).args.assumed_limit_c == 80.0
