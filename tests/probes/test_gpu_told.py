"""What playbooks ask about the condition of cards: the worst of them, and unknown where no card can tell."""

from __future__ import annotations

from typing import Any

import pytest

from opskit.probes.gpu import GpuProbe
from tests.probes.asking import replay
from tests.probes.joined import card, inventory, reading

LOG = b"Nov 23 09:00:00 gpu-01 kernel: usb 1-1: new device\n"
OF_CARDS = ("memory_failing", "reset_due", "slowed")


def told(*cards: dict[str, Any]) -> tuple[object, ...]:
    found = reading("gpu_faults", {"gpu": inventory(*cards), "kernel": LOG})
    return tuple(found.facts[name] for name in OF_CARDS)


def test_cards_that_are_sound_say_so() -> None:
    assert told(card(), card(1)) == (False, False, False)


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"ecc_uncorrected": 3}, (True, False, False)),
        ({"remapped_rows": [0, 1, 0, 1]}, (True, False, False)),
        ({"unrepairable": 1}, (True, False, False)),
        ({"remapped_rows": [0, 1, 1, 0]}, (False, True, False)),
        ({"retired_pending": 1}, (False, True, False)),
        ({"recovery_action": 1}, (False, True, False)),
        ({"reasons": 0x8}, (False, False, True)),
        ({"reasons": 0x80}, (False, False, True)),
        ({"reasons": 0x4}, (False, False, False)),
    ],
)
def test_one_bad_card_among_good_ones_counts(changes: dict[str, Any], facts: tuple[bool, ...]) -> None:
    assert told(card(), card(1, **changes)) == facts


def test_cards_that_cannot_tell_are_unknown_and_not_sound() -> None:
    bare = {"index": 0, "uuid": "GPU-1", "temperature_c": 50}
    assert told(bare) == (None, None, None)
    found = reading("gpu_faults", {"gpu": inventory(bare), "kernel": LOG})
    assert str(found.reason("slowed")) == "no GPU tells it"


def limit(*cards: dict[str, Any]) -> object:
    assert "power_limit_pct" in GpuProbe.facts.__struct_fields__
    return replay("gpu", inventory(*cards)).facts["power_limit_pct"]


def test_a_power_limit_counts_only_while_it_slows_the_card_down() -> None:
    lowered = {"power_limit_mw": 90_000}
    assert limit(card(**lowered)) == 100
    assert limit(card(reasons=0x4)) == 100
    assert limit(card(reasons=0x4, **lowered)) == 60
    assert limit(card(), card(1, reasons=0x4, **lowered)) == 60
    assert limit(card(reasons=None)) is None
    assert limit(card(power_default_mw=None)) is None
