"""The kernel's log in all its forms: what it did to the model server, to others, and what the GPU driver says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from opskit.lab import kernel as texts
from opskit.lab.part import local_now
from opskit.probes.base import ProbeError
from tests.probes.asking import NOW, ask, replay
from tests.probes.lines import moment

HUNG = "INFO: task kworker/0:1:77 blocked for more than 120 seconds."
CRASH = "firefox[4711]: segfault at 0 ip 00007f sp 00007f error 4 in libxul.so[7f+1000]"
CONNTRACK = "nf_conntrack: nf_conntrack: table full, dropping packet"


def facts(log: str, now: datetime = NOW) -> set[str]:
    reading = replay("kernel_log", log.encode(), now, source="/var/log/kern.log")
    assert set(reading.evidence) - {"oom_kill_age_s"} == {name for name, fact in reading.facts.items() if fact is True}
    return {name for name, fact in reading.facts.items() if fact is True}


def syslog(at: datetime, messages: list[str]) -> str:
    """The classic form of /var/log/kern.log: no year, no zone."""
    return "".join(f"{at:%b %d %H:%M:%S} chat1 kernel: [86400.123456] {message}\n" for message in messages)


FORMS = {"iso": texts.short_iso, "json": texts.as_json, "syslog": syslog}


@pytest.mark.parametrize("form", FORMS)
def test_events_are_found_in_every_form(form: str) -> None:
    write = FORMS[form]
    assert facts(write(moment(60), texts.oom_kill())) == {"oom_kill"}
    assert facts(write(moment(60), texts.oom_kill("postgres"))) == {"oom_kill_other"}
    assert facts(write(moment(60), texts.xid_79())) == {"gpu_off_the_bus"}
    assert facts(write(moment(60), texts.xid_13())) == {"xid"}
    assert facts(write(moment(60), [CONNTRACK])) == {"conntrack_full"}
    assert facts(write(moment(7000), [*texts.oom_kill(), *texts.xid_79(), CONNTRACK])) == set()


def test_hung_tasks_and_crashes_of_others_are_no_fact_of_ours() -> None:
    assert facts(texts.short_iso(moment(60), [HUNG, CRASH])) == set()


@pytest.mark.parametrize("name", ["ollama", "llama-server", "ollama_llama_se", "ollama runner"])
def test_the_model_server_has_several_names(name: str) -> None:
    assert facts(texts.short_iso(moment(60), texts.oom_kill(name))) == {"oom_kill"}


@pytest.mark.parametrize("name", ["gitlab-runner", "Runner.Listener", "python3"])
def test_others_are_not_taken_for_it(name: str) -> None:
    assert facts(texts.short_iso(moment(60), texts.oom_kill(name))) == {"oom_kill_other"}


def test_the_age_is_that_of_the_newest_kill() -> None:
    log = texts.short_iso(moment(900), texts.oom_kill(pid=1)) + texts.short_iso(moment(60), texts.oom_kill(pid=2))
    reading = replay("kernel_log", log.encode(), source="x")
    assert reading.facts["oom_kill_age_s"] == 60
    assert reading.evidence["oom_kill"][0].line == 10
    assert reading.evidence["oom_kill_age_s"] == reading.evidence["oom_kill"]


def test_lines_with_nothing_but_the_time_since_the_boot_cannot_be_called_recent() -> None:
    log = "".join(f"[86400.123456] {message}\n" for message in texts.oom_kill())
    with pytest.raises(ProbeError, match="carry no time of day"):
        facts(log)
    assert facts("[86400.123456] usb 1-1: new device\n") == set()
    assert facts(f"[86400.123456] {HUNG}\n") == set()


def test_events_from_the_future_are_not_recent() -> None:
    assert facts(texts.short_iso(moment(-7200), texts.oom_kill())) == set()
    assert facts(texts.short_iso(moment(-5), texts.oom_kill())) == {"oom_kill"}


def test_a_year_ago_is_not_now() -> None:
    new_year = NOW.replace(year=2027, month=1, day=1, hour=0, minute=10)
    assert facts(
        syslog(new_year.replace(year=2026, month=12, day=31, hour=23, minute=59), texts.oom_kill()), new_year
    ) == {"oom_kill"}
    assert facts(syslog(new_year.replace(month=6), texts.oom_kill()), new_year) == set()


def test_a_file_is_read_with_exact_places(tmp_path: Path) -> None:
    path, now = tmp_path / "kern.log", local_now()
    path.write_text("filling\n" * 50_000 + texts.short_iso(now, texts.oom_kill()))
    proof = ask("kernel_log", source=str(path)).evidence["oom_kill"][0]
    assert proof.text in path.read_text().split("\n")[(proof.line or 0) - 1]


def test_an_empty_file_is_no_proof_of_calm_and_an_empty_journal_is() -> None:
    with pytest.raises(ProbeError, match="is empty"):
        replay("kernel_log", b"", source="/var/log/kern.log")
    assert not any(replay("kernel_log", b"", source="journal").facts.values())
