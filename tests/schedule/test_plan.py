"""Checks that look at the same thing run together; their first runs are spread, always the same way."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from opskit.app.asking import sight_of
from opskit.model.check import Check, Rule
from opskit.model.settings import Settings
from opskit.model.text import Text
from opskit.schedule.plan import DEFAULTS, Plan, plans


def make_check(name: str, probe: str = "gpu", every: float = 60.0, **args: object) -> Check:
    return Check(name, Text("s"), Text("w"), probe, (Rule("m"),), every, timeout=5.0, args=args)


def planned(checks: Iterable[Check]) -> list[Plan]:
    return plans(checks, lambda check: sight_of(check, Settings()))


def ids(made: list[Plan]) -> list[list[str]]:
    return sorted(plan.ids for plan in made)


def test_the_same_probe_as_often_is_asked_once():
    checks = [make_check("b"), make_check("a"), make_check("c", every=300.0), make_check("d", probe="host")]
    assert ids(planned(checks)) == [["a", "b"], ["c"], ["d"]]


def test_what_is_only_read_otherwise_is_looked_at_once():
    hot, many = make_check("hot", assumed_limit_c=80), make_check("many", expected=2)
    elsewhere = make_check("elsewhere", library="/opt/other")
    assert ids(planned([hot, many, elsewhere])) == [["elsewhere"], ["hot", "many"]]


def test_other_targets_make_other_plans():
    pages = [make_check(f"page-{n}", "http", url=f"http://127.0.0.1/{n % 2}") for n in range(4)]
    assert ids(planned(pages)) == [["page-0", "page-2"], ["page-1", "page-3"]]


def test_a_check_that_cannot_be_asked_stands_alone():
    checks = [make_check("a", "nonsense"), make_check("b", "nonsense"), make_check("c", odd=1), make_check("d")]
    assert ids(planned(checks)) == [["a"], ["b"], ["c"], ["d"]]


def test_no_check_is_lost_and_none_runs_twice():
    checks = [make_check(f"check-{n}", f"probe-{n % 7}", 30.0 * (1 + n % 3), n=n % 2) for n in range(200)]
    found = [name for plan in planned(checks) for name in plan.ids]
    assert sorted(found) == sorted(check.id for check in checks)


@pytest.mark.parametrize("every", [0.5, 1.0, 30.0, 604800.0])
def test_a_first_run_comes_soon_and_within_the_first_interval(every):
    for n in range(100):
        (plan,) = planned([make_check(f"check-{n}", every=every)])
        assert 0 <= plan.delay <= min(20.0, every)
        assert plan.every == every


def test_first_runs_are_spread():
    delays = [planned([make_check(f"check-{n}")])[0].delay for n in range(100)]
    assert len(set(delays)) > 50


def test_the_plan_does_not_depend_on_the_order_of_the_checks():
    checks = [make_check(name, probe) for name, probe in (("a", "gpu"), ("b", "gpu"), ("c", "host"))]
    key = msgspec.structs.asdict
    assert sorted(map(str, map(key, planned(checks)))) == sorted(map(str, map(key, planned(checks[::-1]))))


def test_nothing_to_do_is_no_plan():
    assert planned([]) == []


def test_a_late_run_is_made_up_once_and_never_beside_itself():
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(job_defaults=DEFAULTS, timezone="UTC")
    scheduler.start(paused=True)
    job = scheduler.add_job(print, "interval", seconds=60)
    taken = (job.misfire_grace_time, job.coalesce, job.max_instances)
    scheduler.shutdown()
    assert taken == (3600, True, 1)
