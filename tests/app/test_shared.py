"""Joint probes: what several of them and others want is collected once, and the trouble of a part is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from opskit.app.observe import Job, observe
from opskit.app.shared import Shared
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.probes.base import Deadline, LateError, Probe, ProbeError
from opskit.probes.host import Args, Facts
from opskit.probes.joint import JointProbe, Part

Look = Callable[[], bytes]


class Source(Probe[Args]):
    """A part: what it collects is what a test says, and it counts how often."""

    arguments = Args
    facts = Facts

    def __init__(self, look: Look):
        self.look, self.looks = look, 0

    def defaults(self, settings):
        return Args()

    def collect(self, args, deadline):
        self.looks += 1
        return (Raw("source.txt", self.look(), "here"),)

    def read(self, raws, args, now):
        return Reading({"load_per_core": float(len(raws[0].data))})


class Both(JointProbe[Args]):
    """Joins two of them."""

    arguments = Args
    facts = Facts

    def __init__(self, *sources: Source):
        self.sources = sources

    def defaults(self, settings):
        return Args()

    def parts(self, args):
        return tuple(
            Part(f"part{number}", source, Args(nginx=str(number))) for number, source in enumerate(self.sources)
        )

    def join(self, seen, args, now):
        told = {name: one.reading.facts.get("load_per_core") for name, one in seen.items()}
        return Reading({"told": str(told)}, why={name: one.trouble for name, one in seen.items() if one.trouble})


class World:
    def collect(self, job, deadline):
        return job.probe.collect(job.args, deadline)

    def now(self):
        return datetime(2026, 11, 23, tzinfo=UTC)

    def settings(self, own):
        return own


def fail(error: Exception) -> Look:
    def look() -> bytes:
        raise error

    return look


def test_a_piece_that_several_want_is_collected_once():
    one, two = Source(lambda: b"abc"), Source(lambda: b"")
    jobs = [Job("first", Both(one, two), Args(), 2.0), Job("second", Both(one, two), Args(), 2.0)]
    jobs.append(Job("plain", one, Args(nginx="0"), 2.0))
    found = dict(observe(jobs, World()))
    assert (one.looks, two.looks) == (1, 1)
    assert found["plain"].facts == {"load_per_core": 3.0}
    assert found["first"].facts == found["second"].facts == {"told": "{'part0': 3.0, 'part1': 0.0}"}


def test_the_trouble_of_a_part_is_told_with_its_reason():
    late = fail(LateError(say("{part} hangs", part="x")))
    reading = dict(observe([Job("x", Both(Source(lambda: b"abc"), Source(late)), Args(), 2.0)], World()))["x"]
    assert reading.facts["told"] == "{'part0': 3.0, 'part1': None}"
    assert str(reading.why["part1"]) == "x hangs"


def test_a_broken_part_is_a_broken_joint_and_nobody_waits_for_it():
    broken = Source(fail(KeyError("oops")))
    jobs = [Job("joint", Both(Source(lambda: b"abc"), broken), Args(), 5.0), Job("own", broken, Args(nginx="1"), 5.0)]
    for reading in dict(observe(jobs, World())).values():
        assert str(reading.unreadable).startswith("internal error in probe")


def test_what_only_one_wants_is_not_kept():
    shared, looks = Shared({"wanted": 1.0}), list[int]()

    def look(_until: Deadline) -> tuple[Raw, ...]:
        looks.append(1)
        return ()

    for name in ("other", "other", "wanted", "wanted"):
        shared.piece(name, look, Deadline(1.0))
    assert len(looks) == 3


def test_what_somebody_patient_wants_is_collected_for_as_long_as_he_waits():
    class Patient(Source):
        def collect(self, args, deadline):
            time.sleep(0.6)
            assert deadline.left
            return super().collect(args, deadline)

    source = Patient(lambda: b"abc")
    hasty, patient = Job("hasty", source, Args(), 0.3), Job("patient", source, Args(), 5.0)
    found = dict(observe([hasty, patient], World()))
    assert source.looks == 1
    assert found["patient"].facts == {"load_per_core": 3.0}
    assert found["hasty"].unreadable is None or found["hasty"].late


def test_evidence_that_is_no_parts_is_none():
    both = Both(Source(lambda: b""), Source(lambda: b""))
    for name, data in (("x", b""), ("part0//absent", b"{"), ("part0//absent", b'{"reason": 5}')):
        reading = both.read((Raw(name, data, ""),), Args(), World().now())
        assert set(reading.why) == {"part0", "part1"}
    with pytest.raises(ProbeError):
        Source(fail(ProbeError(say("x")))).collect(Args(), Deadline(1.0))
