"""Evidence of several probes, damaged in every way and read together: a Reading or a ProbeError, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from opskit.app import bundle as bundles
from opskit.app.observe import Job
from opskit.model.raw import Raw
from opskit.model.settings import Settings
from opskit.probes.base import Deadline
from opskit.probes.joint import JointProbe, Part, gathered
from opskit.probes.registry import PROBES, probe
from tests.probes.joined import OLD_AND_NEW
from tests.probes.test_fuzz import HARMS, SAMPLES, cut, endure

JOINTS = [name for name in PROBES if isinstance(probe(name), JointProbe)]
ROUNDS = 8


@pytest.mark.parametrize("incident", ["gpu-off-the-bus", "ollama-on-the-cpu"])
@pytest.mark.parametrize("name", JOINTS)
def test_damaged_evidence_is_joined_or_refused(name: str, incident: str) -> None:
    bundle, chance, found = bundles.read(Path(SAMPLES / incident)), random.Random(f"{incident} {name}"), probe(name)
    assert isinstance(found, JointProbe)
    args = found.defaults(bundle.settings(Settings()))
    whole = gathered(
        found.parts(args), lambda part: bundle.collect(Job(part.name, part.probe, part.args, 1.0), Deadline(1.0))
    )
    for harm in HARMS:
        for number in range(ROUNDS):
            raws = [_harmed(raw, harm(raw.data or b"x", chance), number) for raw in whole]
            endure(found, args, raws, bundle, harm)


def _harmed(raw: Raw, data: bytes, number: int) -> Raw:
    """Every other time, the cards are such as are not in the bundle: with all that a reader tells."""
    if number % 2 and raw.name.startswith("gpu//"):
        data = cut(OLD_AND_NEW, random.Random(number)) if number % 4 == 1 else OLD_AND_NEW
    return Raw(raw.name, data, raw.origin, raw.first_line)


@pytest.mark.parametrize("name", JOINTS)
def test_odd_numbers_of_cards_are_joined_or_refused(name: str) -> None:
    bundle, chance, found = bundles.read(SAMPLES / "control-healthy"), random.Random(name), probe(name)
    assert isinstance(found, JointProbe)
    args = found.defaults(bundle.settings(Settings()))
    swapped = HARMS[3]

    def look(part: Part) -> tuple[Raw, ...]:
        if part.name == "gpu":
            return (Raw("gpu.json", swapped(OLD_AND_NEW, chance), "NVML"),)
        return bundle.collect(Job(part.name, part.probe, part.args, 1.0), Deadline(1.0))

    for _ in range(60):
        endure(found, args, list(gathered(found.parts(args), look)), bundle, swapped)
