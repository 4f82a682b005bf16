"""What stands on what."""

from __future__ import annotations

from opskit.judge.dependence import affected, depends, kin, root
from opskit.model.check import Check
from opskit.model.text import Text


def check(name: str, *below: str) -> Check:
    return Check(name, Text(name), Text(name), "host", (), every=60.0, timeout=5.0, depends_on=below)


CHAIN = depends(
    [check("nginx", "gateway"), check("gateway", "ollama"), check("ollama", "gpu"), check("gpu"), check("tls")]
)


def test_dependence_goes_all_the_way_down():
    assert CHAIN["nginx"] == {"gateway", "ollama", "gpu"}
    assert CHAIN["gpu"] == frozenset()


def test_a_circle_ends():
    round_about = depends([check("a", "b"), check("b", "c"), check("c", "a")])
    assert round_about["a"] == {"b", "c"}


def test_a_check_that_is_masked_still_stands_between_others():
    known = depends([check("nginx", "gateway"), check("ollama")])
    assert known["nginx"] == {"gateway"}


def test_kin_are_those_below_and_those_on_top():
    assert kin("ollama", CHAIN) == {"nginx", "gateway", "gpu"}
    assert kin("tls", CHAIN) == frozenset()
    assert kin("never heard of", CHAIN) == frozenset()


def test_the_root_is_what_the_others_stand_on():
    assert root(["nginx", "ollama", "gateway"], CHAIN) == "ollama"
    assert root(["tls", "nginx"], CHAIN) == "tls"
    assert affected("ollama", ["nginx", "tls", "gateway", "ollama"], CHAIN) == ["nginx", "gateway"]
