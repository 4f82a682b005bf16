"""The recorded incidents: triage names the injected cause each time, accuses nobody in the controls, and proves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from opskit.app import bundle as bundles
from opskit.app.context import Context, load_context
from opskit.app.manifest import MANIFEST
from opskit.app.run_triage import Triage, run_triage
from opskit.definitions.plain import plain
from opskit.definitions.reader import compose
from opskit.lab.faults import faults
from opskit.logs.pseudonym import pseudonyms
from tests.composed import COMPOSED
from tests.composed import compose as compose_incident

SAMPLES = Path(__file__).parents[1] / "sample_logs"
_FEW = 2  # another two for each incident; `make drill` takes all
INCIDENTS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def context() -> Context:
    return load_context(None, None, "en")


def truth(name: str) -> str | None:
    path = SAMPLES / name / "truth.yaml"
    return plain(compose(path.read_bytes(), str(path)).root)["cause"]


def diagnose(context: Context, path: Path) -> Triage:
    return run_triage(context, "chat-stuck", bundles.read(path))


def cause(done: Triage) -> str | None:
    finding = done.diagnosis.finding
    return finding.cause.code if finding else None


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_injected_cause_is_named_with_its_proof(context, name):
    done = diagnose(context, SAMPLES / name)
    assert cause(done) == truth(name)
    if truth(name) is None:
        assert done.diagnosis.outcome == "healthy"
        assert done.diagnosis.also_seen == ()
    else:
        assert any(item.evidence for item in done.diagnosis.finding.proof)


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_truth_file_is_never_read(context, name, tmp_path):
    blind = tmp_path / "bundle"
    shutil.copytree(SAMPLES / name, blind)
    (blind / "truth.yaml").write_text("cause: OPS999\n")
    assert cause(diagnose(context, blind)) == truth(name)


@pytest.mark.parametrize("name", INCIDENTS)
def test_pseudonyms_do_not_change_the_verdict(context, name, tmp_path):
    masked = tmp_path / "bundle"
    shutil.copytree(SAMPLES / name, masked)
    for file in masked.iterdir():
        if file.name not in {MANIFEST, "truth.yaml"}:
            file.write_bytes(pseudonyms(file.read_bytes(), b"a secret of this bundle"))
    assert b"user01" not in (masked / "gateway.log").read_bytes()
    assert cause(diagnose(context, masked)) == truth(name)


def test_every_cause_of_the_playbook_has_an_incident_and_every_incident_its_fault(context):
    causes = set(context.tree("chat-stuck").playbook.causes)
    assert {truth(name) for name in INCIDENTS} - {None} == causes
    recorded = [name for name in INCIDENTS if name not in COMPOSED]
    assert {name: faults()[name].cause for name in recorded} == {name: truth(name) for name in recorded}
    assert {name for name, fault in faults().items() if fault.control} <= set(INCIDENTS)


@pytest.mark.parametrize("name", COMPOSED)
def test_a_composed_incident_is_what_its_recipe_makes_of_the_recording(name, tmp_path):
    base = COMPOSED[name][0]
    shutil.copytree(SAMPLES / base, tmp_path / base)
    made = compose_incident(name, tmp_path)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == {
        path.name: path.read_bytes() for path in (SAMPLES / name).iterdir()
    }


# Without the log that tells why nobody can know what ended Ollama; that it is not running stays true.
SHALLOWER = {("OPS405", "kernel-log"): "OPS401", ("OPS404", "ollama-log"): "OPS401"}


def poorer(context: Context, name: str, keys: Collection[str], tmp_path: Path) -> None:
    """Taking evidence away may lead to "cannot tell"; it must not lead to an accusation of somebody else."""
    manifest = json.loads((SAMPLES / name / MANIFEST).read_text())
    expected = truth(name)
    also = {item.cause.code for item in diagnose(context, SAMPLES / name).diagnosis.also_seen}
    for key in keys:
        folder = tmp_path / key
        shutil.copytree(SAMPLES / name, folder)
        rest = [entry for entry in manifest["files"] if entry["key"] != key]
        (folder / MANIFEST).write_text(json.dumps({**manifest, "files": rest}))
        done = diagnose(context, folder)
        assert cause(done) in {expected, None, SHALLOWER.get((expected, key))} | also, f"without {key}"
        if cause(done) not in {expected, None}:
            assert done.diagnosis.finding.certainty == "probable"


def sources(name: str) -> list[str]:
    return sorted({entry["key"] for entry in json.loads((SAMPLES / name / MANIFEST).read_text())["files"]})


@pytest.mark.parametrize(("number", "name"), list(enumerate(INCIDENTS)))
def test_without_some_source_of_evidence_nobody_else_is_accused(context, number, name, tmp_path):
    keys = sources(name)
    poorer(context, name, [keys[(_FEW * number + more) % len(keys)] for more in range(_FEW)], tmp_path)


@pytest.mark.drill
@pytest.mark.parametrize("name", INCIDENTS)
def test_without_any_one_source_of_evidence_nobody_else_is_accused(context, name, tmp_path):
    poorer(context, name, sources(name), tmp_path)
