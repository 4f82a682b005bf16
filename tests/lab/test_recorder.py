"""A recorded incident: the same verdict as live, and nothing in it of the lab or its secrets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from opskit.app import bundle as bundles
from opskit.app.manifest import MANIFEST
from opskit.cli.exits import guarded
from opskit.definitions.plain import plain
from opskit.definitions.reader import compose
from opskit.lab import recorder
from opskit.lab.drill import break_in, opskit, users_ask
from opskit.lab.faults import faults
from opskit.lab.plan import API_KEY
from opskit.lab.record import LabError, load
from opskit.lab.stack import Stack
from tests.lab.running_lab import lab_in

FAULT = "gateway-key-rotated"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Path]]:
    """A lab, up, and the bundle of a fault that was recorded from it."""
    folder = tmp_path_factory.mktemp("recording")
    (folder / "bundles" / FAULT).mkdir(parents=True)
    (folder / "bundles" / FAULT / "old.log").write_text("of an earlier recording\n")
    (folder / "bundles" / "mine.txt").write_text("kept\n")
    with (
        lab_in(folder, remembered=True) as stack,
        redirect_stdout(StringIO()) as said,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setitem(faults(), FAULT, msgspec.structs.replace(faults()[FAULT], patience=2.0))
        assert guarded(["--lang", "en", "lab", "record", FAULT, "--into", str(folder / "bundles")]) == 0
        assert said.getvalue() == f"recorded {folder / 'bundles' / FAULT}\n"
        stack.record = load(stack.plan.root)
        yield stack, folder / "bundles" / FAULT


@pytest.fixture
def stack(recording: tuple[Stack, Path]) -> Stack:
    return recording[0]


@pytest.fixture
def bundle(recording: tuple[Stack, Path]) -> Path:
    return recording[1]


def verdict(stack: Stack, *words: str) -> tuple[str, str | None]:
    told = json.loads(opskit(stack, "triage", "--json", "--no-input", *words, timeout=60).stdout)
    return told["verdict"], (told["cause"] or {}).get("code")


def everything(bundle: Path) -> str:
    return "\n".join(f"{file.name}\n{file.read_text('utf-8', 'surrogateescape')}" for file in sorted(bundle.iterdir()))


def test_the_same_is_seen_live_and_in_the_bundle(stack, bundle):
    assert stack.record.broken == ()
    assert verdict(stack, "--from", str(bundle)) == ("fault", faults()[FAULT].cause)
    break_in(stack, [FAULT])
    users_ask(stack, 8)
    assert verdict(stack) == ("fault", faults()[FAULT].cause)


def test_the_truth_stands_in_a_file_of_its_own(bundle):
    truth = plain(compose((bundle / "truth.yaml").read_bytes(), "truth.yaml").root)
    assert truth == {"cause": faults()[FAULT].cause, "what_was_done": faults()[FAULT].does.en}
    for file in bundle.iterdir():
        if file.name != "truth.yaml":
            assert FAULT not in file.read_text("utf-8", "replace"), file
            assert truth["what_was_done"] not in file.read_text("utf-8", "replace"), file
    assert "truth.yaml" not in (bundle / MANIFEST).read_text()


def test_nothing_tells_which_lab_it_was(stack, bundle):
    text = everything(bundle)
    assert str(stack.plan.root) not in text
    assert str(stack.plan.root.parent) not in text
    assert API_KEY not in text
    assert "another-key-that-nobody-was-told" not in text
    assert "PRIVATE KEY" not in text
    for port in msgspec.structs.astuple(stack.plan.ports):
        assert not re.search(rf"[:\s]{port}\b", text), port
    assert not re.search(rf"\b{re.escape(os.uname().nodename)}\b", text)


def test_it_reads_like_the_reference_deployment(bundle):
    text = everything(bundle)
    for familiar in (":18789", "/var/log/qwen-gateway.log", "/var/log/nginx/access.log", "https://127.0.0.1"):
        assert familiar in text
    assert {file.name for file in bundle.iterdir()} >= {MANIFEST, "truth.yaml", "nginx-access.log", "gateway.log"}


def test_it_is_a_bundle_and_replaces_the_one_before_and_nothing_else(bundle):
    assert bundles.read(bundle).manifest.files
    assert not (bundle / "old.log").exists()
    assert (bundle.parent / "mine.txt").read_text() == "kept\n"
    assert bundle.stat().st_mode & 0o777 == 0o755
    assert {file.stat().st_mode & 0o777 for file in bundle.iterdir()} == {0o644}


def test_an_unknown_fault_is_named_and_nothing_is_written(stack, tmp_path):
    with pytest.raises(LabError, match="there is no fault 'nginx-melted'"):
        recorder.record(stack, "nginx-melted", tmp_path)
    assert list(tmp_path.iterdir()) == []
