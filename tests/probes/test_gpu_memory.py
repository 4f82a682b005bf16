"""A full card is held against what Ollama says it has loaded, and against who is on it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opskit.model.status import Status
from opskit.probes.base import LateError, ProbeError
from tests.probes.asking import AT, value
from tests.probes.joined import (
    FIRST,
    GB,
    NOBODY,
    RUNNER,
    STRANGER,
    Told,
    api,
    card,
    inventory,
    judge,
    model,
    problem,
    reading,
    texts,
)  # fmt: skip

REFUSED = api(failure={"kind": "refused", "stage": "connect", "text": "refused"})
HANGS = api(failure={"kind": "timeout", "stage": "first_byte", "text": ""})
OLD = {"pid": 2417, "used": 21 * GB}


def look(gpu: Told, ollama: Told) -> dict[str, Told]:
    return {"gpu": gpu, "ollama": ollama}


def full(*processes: dict[str, Any], used: float = 23.0, **more: Any) -> bytes:
    return inventory(card(used=int(used * GB), processes=list(processes), **more))


@pytest.mark.parametrize(
    ("gpu", "ollama", "status", "words"),
    [
        (full(RUNNER), api(model(22)), Status.OK, "qwen3:32b lies wholly in GPU memory with 22.0 GB"),
        (full(RUNNER, used=23.9), api(model(20.8)), Status.OK, "which does not count"),
        (full(RUNNER, used=20), api(model(20)), Status.OK, "83.3%"),
        # Somebody beside the model that fits: little of it is nobody's business, much of it is.
        (full(RUNNER, {**STRANGER, "used": GB}), api(model()), Status.OK, "which does not count"),
        (full(RUNNER, {**STRANGER, "used": 3 * GB}, used=23.9), api(model()), Status.WARNING, "python3 (pid 4242, bob"),
        (full({**STRANGER, "used": 23 * GB}), api(), Status.WARNING, "23.0 GB are held by others"),
        (full({**STRANGER, "used": 3 * GB}, used=3), api(), Status.OK, "12.5%"),
        # Part of the model on the CPU, whatever the card.
        (full(RUNNER), api(model(14, 21)), Status.WARNING, "only 14.0 of 21.0 GB are in GPU memory"),
        (full(used=1), api(model(0, 21)), Status.CRITICAL, "only 0.0 of 21.0 GB"),
        (full(RUNNER, used=20), api(model(19, 20), model(1, 1, "embed:1b")), Status.WARNING, "qwen3:32b"),
        (full(RUNNER), api({**model(), "size": 0}), Status.UNKNOWN, "does not say how much of its models"),
        # A model that nobody wants on the GPU, and one that the server says is there and that is not.
        (full(used=1), api(model(0, 1, "embed:1b")), Status.OK, "spilled_pct 0%"),
        (full(used=1), api(model()), Status.UNKNOWN, "the GPUs of this host use 1.0 GB"),
        (full({**STRANGER, "used": 23 * GB}), api(model(40)), Status.WARNING, "held by others"),
        # A runner that is not known any more.
        (full(RUNNER), api(), Status.WARNING, "1 runners of Ollama hold GPU memory, and it lists 0 models"),
        (full({**RUNNER, "started_at": AT - 20}, used=20), api(), Status.OK, ""),
        (full(RUNNER, {**RUNNER, "pid": 9}, used=22), api(model()), Status.WARNING, "2 runners"),
        (full({**RUNNER, "parent": "systemd", "name": "ollama"}), REFUSED, Status.WARNING, "a runner that Ollama does"),
        # Its server runs: it listens elsewhere, and what it lists is not known.
        (full(RUNNER), REFUSED, Status.WARNING, "nothing listens there"),
        (full(RUNNER, used=20), REFUSED, Status.UNKNOWN, "nothing listens there"),
        (full(RUNNER, used=20), api({"name": "qwen3:32b", "size": 20 * GB}), Status.UNKNOWN, "does not say how much"),
        # Ollama does not say: the contract decides about the memory, and the rest is not known.
        (full(RUNNER), HANGS, Status.WARNING, "what Ollama has loaded here is not known"),
        (full(RUNNER, used=20), HANGS, Status.UNKNOWN, "what Ollama has loaded here is not known"),
        (full(RUNNER, used=20), b"{", Status.UNKNOWN, "cannot be read"),
        (full(RUNNER, used=20), NOBODY, Status.UNKNOWN, "there is no such file"),
        (full(used=20), REFUSED, Status.OK, ""),
        # A runner under a name that nobody knows is no stranger: Ollama lists its memory.
        (full({**OLD, "name": "brand-new-engine"}), api(model(21)), Status.OK, "which does not count"),
        (full({**OLD, "name": None}, used=22.5), api(model(21)), Status.OK, "which does not count"),
        # No names, no amounts: what is used beyond the models and their contexts.
        (inventory(card(used=23 * GB, processes=None)), api(model(20.8)), Status.OK, "which does not count"),
        (inventory(card(used=23 * GB, processes=None)), api(model(12, 12)), Status.WARNING, "cannot be listed"),
        (full({**STRANGER, "used": None}, used=23), api(model(12, 12)), Status.WARNING, "python3 (pid 4242, bob)"),
        # The cards themselves.
        (inventory(card(memory=None, processes=[], errors={"memory": {"code": 3, "text": "Not Supported"}})), api(),
         Status.UNKNOWN, "Not Supported"),
        (inventory(card(memory=None, processes=[], errors={"memory": {"code": 999, "text": "?"}})), api(),
         Status.UNKNOWN, "?"),
        (inventory({"index": 0, "error": {"code": 15, "text": "lost"}}), api(), Status.CRITICAL, "is lost"),
        (inventory(init_error={"code": 9, "text": "x"}), api(), Status.CRITICAL, "is not loaded"),
    ],
)  # fmt: skip
def test_what_a_full_card_means(gpu: bytes, ollama: Told, status: Status, words: str) -> None:
    verdict = judge("gpu-memory", "gpu_memory", look(gpu, ollama))
    assert verdict.status is status, texts(verdict)
    assert words in texts(verdict)


def test_the_number_is_printed_always() -> None:
    for ollama in (api(model()), api(), REFUSED, HANGS):
        assert "95.8" in texts(judge("gpu-memory", "gpu_memory", look(full(RUNNER), ollama)))


def test_a_host_without_a_driver_is_unknown_and_where_one_is_expected_critical() -> None:
    told = look(inventory(init_error={"code": 12, "text": "x"}), api())
    assert judge("gpu-memory", "gpu_memory", told, expected=None).status is Status.UNKNOWN
    assert judge("gpu-memory", "gpu_memory", told, expected=1).status is Status.CRITICAL
    hung = LateError(ProbeError(NOBODY.reason).reason)
    assert judge("gpu-memory", "gpu_memory", look(hung, api())).status is Status.UNKNOWN


def test_a_model_that_is_spread_over_two_cards_is_nobodys_fault() -> None:
    shares = [{**RUNNER, "used": 11 * GB}]
    cards = [card(index, used=22 * GB, processes=shares) for index in range(2)]
    told = look(inventory(*cards), api(model(40, 40)))
    assert judge("gpu-memory", "gpu_memory", told, expected=2).status is Status.OK
    cards[1]["processes"] = [*shares, {**STRANGER, "used": 11 * GB}]
    verdict = judge("gpu-memory", "gpu_memory", look(inventory(*cards), api(model(22, 22))), expected=2)
    assert verdict.status is Status.WARNING
    assert [item.status for item in verdict.items if "memory_used_pct" in str(item.text)] == [Status.OK]


def test_names_of_processes_are_not_trusted() -> None:
    hostile = {**STRANGER, "name": "x\x1b[31m\n|token=hush-hush-hush", "used": 23 * GB}
    verdict = judge("gpu-memory", "gpu_memory", look(full(hostile), api()))
    assert "hush-hush" not in problem(verdict)
    assert "\x1b" not in problem(verdict)


def test_evidence_of_before_there_were_names_still_reads() -> None:
    old = {"index": 0, "uuid": FIRST, "memory": {"version": 2, "total": 24 * GB, "used": 23 * GB, "reserved": 0}}
    told = reading("gpu_memory", look(json.dumps({"gpus": [old]}).encode(), api(model(22))))
    assert value(told, "memory_explained", gpu=FIRST) == 1
    assert told.facts == {"spilled_pct": 0.0, "foreign_bytes": 0.0, "foreign_who": "", "orphan_runners": 0}
