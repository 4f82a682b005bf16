"""The four states, their exit codes and their one order."""

import itertools

import pytest

from opskit.model.status import Status, worst

RANKED = [Status.OK, Status.UNKNOWN, Status.WARNING, Status.CRITICAL]


@pytest.mark.parametrize(
    ("status", "code"), [(Status.OK, 0), (Status.WARNING, 1), (Status.CRITICAL, 2), (Status.UNKNOWN, 3)]
)
def test_exit_codes_are_those_of_the_plugin_guideline(status, code):
    assert status.exit_code == code


@pytest.mark.parametrize("several", list(itertools.product(RANKED, repeat=3)))
def test_not_knowing_is_worse_than_ok_and_hides_no_fault(several):
    assert worst(several) is RANKED[max(RANKED.index(status) for status in several)]


def test_nothing_checked_is_not_ok():
    assert worst([]) is Status.UNKNOWN
