"""Recorded evidence, damaged in every way: reading it gives a Reading or a ProbeError, and nothing else, ever."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opskit.app import bundle as bundles
from opskit.model.raw import Raw
from opskit.model.settings import Settings
from opskit.probes.base import Probe, ProbeError
from opskit.probes.registry import PROBES, probe
from tests.probes.asking import checked

SAMPLES = Path(__file__).parents[2] / "sample_logs"
INCIDENTS = ("control-healthy", "gpu-off-the-bus", "ollama-killed-for-memory", "ollama-out-of-gpu-memory")
ROUNDS = 12
Harm = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, chance: random.Random) -> bytes:
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] if chance.random() < 0.7 else data[begin:end]


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), chance.choice((1, 4, 40)))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def nulled(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + b"\0" * chance.choice((1, 7, 5000)) + data[at + chance.randrange(50) :]


ODD = (
    b"null", b"true", b"-1", b"0", b'""', b"[]", b"{}", b'"x"', b"1e308", b"-1e308", b"1e999", b"NaN", b"-Infinity",
    b"9" * 25, b"9" * 400, b"-" + b"9" * 19, b"0.1", b'"\\ud800"', b'"\xff\xfe"', b"[" * 3000,
    b'"' + b"A" * 5000 + b'"',
)  # fmt: skip
VALUE = re.compile(rb'(?<=[:\[,])(\s*)("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|null|true|false|\[\]|\{\})(?=\s*[,\]}])')


def swapped(data: bytes, chance: random.Random) -> bytes:
    """Replace some values of JSON, or some numbers of a text, by others."""
    found = list(VALUE.finditer(data)) or list(re.finditer(rb"()([0-9]+)", data))
    for match in sorted(chance.sample(found, min(len(found), chance.choice((1, 2, 5)))), key=lambda m: -m.start()):
        data = data[: match.start()] + match[1] + chance.choice(ODD) + data[match.end() :]
    return data


def shuffled(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines[: chance.randrange(1, len(lines) + 1)])


def repeated(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    return b"\n".join([*lines[:at], *[lines[at]] * 300, *lines[at:]])


HARMS: tuple[Harm, ...] = (cut, flipped, nulled, swapped, shuffled, repeated)


def evidence() -> list[tuple[str, str]]:
    """Every piece of evidence of the incidents, with the probe that reads it."""
    keys = {probe(name).key(probe(name).defaults(Settings())): name for name in PROBES}
    return [
        (incident, keys[entry["key"]])
        for incident in INCIDENTS
        for entry in json.loads((SAMPLES / incident / bundles.MANIFEST).read_text())["files"]
    ]


@pytest.mark.filterwarnings("ignore:Parsed a .* number which wasn't positive")
@pytest.mark.parametrize(("incident", "name"), evidence())
def test_damaged_evidence_is_read_or_refused(incident: str, name: str) -> None:
    bundle, chance = bundles.read(SAMPLES / incident), random.Random(f"{incident} {name}")
    found = probe(name)
    args = found.defaults(bundle.settings(Settings()))
    entries = [entry for entry in bundle.manifest.files if entry.key == found.key(args)]
    whole = [(SAMPLES / incident / entry.name).read_bytes() for entry in entries]
    for harm in HARMS:
        for _ in range(ROUNDS):
            raws = [
                Raw(entry.name, harm(data, chance), entry.origin, entry.first_line)
                for entry, data in zip(entries, whole, strict=True)
            ]
            endure(found, args, raws, bundle, harm)


def endure(found: Probe[Any], args: Any, raws: list[Raw], bundle: bundles.Bundle, harm: Harm) -> None:
    try:
        reading = checked(found, found.read(raws, args, bundle.now()))
    except ProbeError:
        return
    except Exception as error:
        raise AssertionError(f"{harm.__name__}: {[raw.data for raw in raws]!r}"[:3000]) from error
    shown = [str(text) for text in (*reading.why.values(), *reading.notes)]
    proofs = [msgspec.structs.asdict(proof) for proofs in reading.evidence.values() for proof in proofs]
    assert json.dumps([shown, proofs])


@pytest.mark.parametrize("name", PROBES)
def test_evidence_that_is_nothing_at_all_is_read_or_refused(name: str) -> None:
    bundle, found = bundles.read(SAMPLES / "control-healthy"), probe(name)
    args = found.defaults(bundle.settings(Settings()))
    for data in (b"", b"\n", b"\0", b"{", b"[" * 100_000, b"{}", b"[]", b"null", b"\xff" * 5000, b"{}\n" * 5000):
        endure(found, args, [Raw("x", data, "x")], bundle, cut)
    endure(found, args, [], bundle, cut)
