"""Plugins of the monitoring-plugins project, which others wrote and everybody uses, run as checks of opskit."""

from __future__ import annotations

from opskit.model.status import Status
from tests.probes.asking import ask

FOLDER = "/usr/lib/nagios/plugins"
STATES = {"0": Status.OK, "1": Status.WARNING, "2": Status.CRITICAL, "3": Status.UNKNOWN}


def test_every_state_of_a_plugin_is_that_of_the_check() -> None:
    for code, status in STATES.items():
        (item,) = ask("plugin", command=[f"{FOLDER}/check_dummy", code, "said so"]).judged
        assert (item.status, str(item.text)) == (status, "said so")


def test_a_plugins_numbers_come_with_its_thresholds() -> None:
    reading = ask("plugin", command=[f"{FOLDER}/check_disk", "-w", "1%", "-c", "0%", "-p", "/"])
    (disk,) = reading.samples
    assert disk.metric == "/"
    assert disk.value is not None
    assert disk.high is not None
    assert 0 < disk.value <= disk.high
    assert disk.warn is not None
    (load, *_others) = ask("plugin", command=[f"{FOLDER}/check_load", "-w", "900,800,700", "-c", "901,801,701"]).samples
    assert (load.metric, float(load.warn or 0), float(load.crit or 0), load.low) == ("load1", 900, 901, 0)


def test_a_plugin_that_is_called_wrongly_is_unknown() -> None:
    (item,) = ask("plugin", command=[f"{FOLDER}/check_disk", "--no-such-option"]).judged
    assert item.status is Status.UNKNOWN
