"""What every probe owes: arguments that are valid, evidence of its own, facts that are filled or explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from opskit.app import bundle as bundles
from opskit.app.observe import job, observe
from opskit.model.check import SELF_JUDGED
from opskit.model.problem import DefinitionError
from opskit.model.settings import Settings
from opskit.probes.base import Probe, fact_kinds
from opskit.probes.registry import PROBES, probe

SAMPLES = Path(__file__).parents[2] / "sample_logs"
INCIDENTS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
ASKED = [name for name in PROBES if not type(probe(name)).needs]
"""Those that can be asked without a definition that says what."""
UNITS = ("_s", "_c", "_pct", "_bytes", "_w", "_per_core")
# Whole numbers of something, and a number that is a name.
COUNTS = {
    "canary": {"nginx_status", "gateway_status", "ollama_status", "refused_fast_status"},
    "certificate": {"days_left", "unreadable", "flaws"},
    "endings": {
        "ended", "good", "empty", "unspoken", "cut", "left", "forbidden", "too_long", "no_model", "no_route", "bad",
        "down", "name", "late", "busy", "breaker", "broken", "smallest_prompt_chars", "refused_prompt_chars",
        "calls_per_message", "much_tokens",
    },
    "gateway_log": {
        "requests", "open_requests", "status_401", "status_429", "status_5xx", "latest_errors", "clients_served",
        "clients_refused", "clients_limited", "latest_refused", "refused_row", "limited_row", "clients_forbidden",
        "forbidden_row",
    },
    "gpu": {"count", "missing", "lost"},
    "gpu_faults": {"xids", "xid_level"},
    "gpu_memory": {"orphan_runners"},
    "host": {
        "clients_connected", "gateway_connections", "ollama_connections", "clawdbot_connections", "for_nobody",
        "gateway_waiting", "traces",
    },
    "latency": {"status", "chunks"},
    "nginx_access": {
        "requests", "chat_requests", "api_requests", "silence_ratio", "status_499", "status_502", "status_504",
        "server_errors", "latest_errors", "latest_refused", "latest_served", "errors_in_row", "status_413",
        "left_in_row", "api_not_found", "sockets_refused", "parts_missing", "latest_api",
        "latest_left", "latest_redirected", "usual_failure",
    },
    "nginx_config": {"headers_lost", "refuses_status"},
    "nginx_error": {
        "gateway_refused", "gateway_timeouts", "clawdbot_refused", "clawdbot_timeouts", "died_midstream",
        "no_connections_left", "emergencies", "elsewhere_refused", "no_files_left", "bodies_unwritable",
        "bodies_refused", "limited", "disk_full", "unresolved", "bad_answers", "headers_too_big", "no_live",
        "forbidden_by_rule", "limited_clients",
    },
    "ollama_api": {"context_length"},
    "ollama_log": {
        "truncated", "forbidden", "busy", "starts", "loads", "loads_changed", "loads_other_model", "loads_failed",
    },
    "request": {"status", "others_failed"},
    "runner": {"runners", "slots", "busy", "most_decoded", "least_decoded", "context"},
    "way": {"status"},
    **{key: {"status"} for key in ("http", "nginx_http", "gateway_http")},
}  # fmt: skip
# None is an answer here: there was no failure to name.
NO_NEED = {("http", "failure"), ("nginx_http", "failure"), ("gateway_http", "failure"), ("canary", "ollama_status")}
# Ollama was not asked by itself.
NO_NEED |= {("canary", "vram_oom")}
# Nobody asked about a request.
NO_NEED |= {("request", fact) for fact in ("status", "duration_s", "age_s", "others_failed")}


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_can_be_made_and_its_defaults_are_valid(name: str) -> None:
    found = probe(name)
    assert isinstance(found, Probe)
    defaults = msgspec.structs.asdict(found.defaults(Settings()))
    assert msgspec.structs.asdict(msgspec.convert(defaults, type(found).arguments)) == defaults
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**defaults, "no_such_argument": 1}, type(found).arguments)


def test_no_two_probes_share_their_evidence() -> None:
    keys = [probe(name).key(probe(name).defaults(Settings())) for name in PROBES]
    assert len(set(keys)) == len(PROBES)


@pytest.mark.parametrize("name", PROBES)
def test_every_fact_may_be_unknown(name: str) -> None:
    facts = type(probe(name)).facts()
    assert set(msgspec.structs.asdict(facts).values()) == {None}


@pytest.mark.parametrize("name", PROBES)
def test_numbers_carry_their_unit_or_are_counts(name: str) -> None:
    numbers = {fact for fact, kind in fact_kinds(probe(name)).items() if kind == "number"}
    assert {fact for fact in numbers if not fact.endswith(UNITS)} == COUNTS.get(name, set())


@pytest.mark.parametrize("name", PROBES)
def test_whole_numbers_are_declared_as_such(name: str) -> None:
    hints = get_type_hints(type(probe(name)).facts)
    counted = COUNTS.get(name, set()) - {"silence_ratio", "days_left", "calls_per_message"}
    assert {fact for fact in counted if hints[fact] != int | None} == set()


def test_a_probe_whose_subject_has_a_state_of_its_own_needs_no_rules() -> None:
    assert {name for name in PROBES if type(probe(name)).open_metrics} == SELF_JUDGED


@pytest.mark.parametrize("name", sorted(set(PROBES) - set(ASKED)))
def test_what_a_probe_needs_is_an_argument_and_its_absence_is_a_mistake_of_the_definition(name: str) -> None:
    found = type(probe(name))
    assert found.needs <= set(found.arguments.__struct_fields__)
    with pytest.raises(DefinitionError, match="with: missing key"):
        job(name, name, {}, 5.0, Settings(), "test")


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_fact_of_the_incidents_is_filled_or_explained(incident: str) -> None:
    bundle = bundles.read(SAMPLES / incident)
    settings = bundle.settings(Settings())
    jobs = [job(name, name, {}, 5.0, settings, "test") for name in ASKED]
    silent = [
        (name, fact)
        for name, reading in observe(jobs, bundle)
        for fact in fact_kinds(probe(name))
        if reading.facts.get(fact) is None and not reading.reason(fact)
    ]
    assert set(silent) - NO_NEED == set()


@pytest.mark.parametrize("incident", INCIDENTS)
def test_samples_of_the_incidents_are_declared(incident: str) -> None:
    bundle = bundles.read(SAMPLES / incident)
    jobs = [job(name, name, {}, 5.0, bundle.settings(Settings()), "test") for name in ASKED]
    for name, reading in observe(jobs, bundle):
        assert {sample.metric for sample in reading.samples} <= probe(name).metrics
        assert set(reading.evidence) <= set(fact_kinds(probe(name)))


def test_the_manifests_know_only_probes_that_exist() -> None:
    known = {probe(name).key(probe(name).defaults(Settings())) for name in PROBES}
    for incident in INCIDENTS:
        manifest = json.loads((SAMPLES / incident / bundles.MANIFEST).read_text())
        assert {entry["key"] for entry in manifest["files"]} <= known
