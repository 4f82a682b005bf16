"""Which causes can be explained, and which playbooks, numbers and words belong to each."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.app.explain_cause import told_causes
from opskit.definitions.search import shipped
from opskit.model.problem import DefinitionError
from tests.definitions.test_causes import BOOK, OWN, SITE, put


def test_a_shipped_cause_has_its_playbook_its_conditions_and_its_words() -> None:
    (told,) = told_causes(None, "OPS407")
    assert told.playbooks == ("chat-stuck", "gpu-alarm", "slow-answers")
    assert told.named == (
        "ollama.vram_share_pct < whole_pct and gateway_log.slowest_s > slow_s",
        "ollama.vram_share_pct < whole_pct",
    )
    assert [name for name, _ in told.facts] == [
        "ollama.vram_share_pct", "gateway_log.slowest_s", "gpu.memory_used_pct",
    ]  # fmt: skip
    assert all(text is not None and text.zh for _, text in told.facts)
    assert {name: param.default for name, param in told.params} == {"half_gone_pct": 90, "whole_pct": 99, "slow_s": 3}


def test_text_in_a_condition_is_no_name() -> None:
    (told,) = told_causes(None, "OPS502")
    assert {name for name, _ in told.facts} >= {"gpu.driver_error", "gpu.lost"}
    assert all("." in name for name, _ in told.facts)


def test_every_cause_is_told_once_in_the_order_of_the_codes() -> None:
    codes = [told.cause.code for told in told_causes(None)]
    assert codes == sorted(set(codes))
    assert {"OPS101", "OPS502"} <= set(codes)


def test_a_cause_that_no_playbook_leads_to_is_told_as_well(tmp_path: Path) -> None:
    put(tmp_path / "playbooks/mine.yaml", BOOK)
    put(tmp_path / "playbooks/causes/site.yaml", SITE + OWN.partition("\n")[2].replace("OPS900", "OPS901"))
    used, spare = told_causes(tmp_path, "OPS900")[0], told_causes(tmp_path, "OPS901")[0]
    assert (used.playbooks, used.named) == (("mine",), ("host.load_per_core > many",))
    assert (spare.playbooks, spare.named, spare.params) == ((), (), ())
    assert used.facts == (("host.load_per_core", None),)


def test_where_playbooks_define_a_code_differently_each_definition_is_told(tmp_path: Path) -> None:
    own = (BOOK + OWN).replace("include: [causes/site.yaml]\n", "")
    put(tmp_path / "playbooks/mine.yaml", own.replace("OPS900", "OPS403"))
    told = told_causes(tmp_path, "OPS403")
    assert sorted(each.playbooks for each in told) == [("chat-stuck", "errors-401-429-5xx", "gpu-alarm"), ("mine",)]
    assert {each.cause.summary.en for each in told} == {"Busy", "The GPU's memory is exhausted"}


def test_where_playbooks_differ_in_a_number_each_is_told(tmp_path: Path) -> None:
    for name, many in (("mine", "3"), ("yours", "5"), ("theirs", "5")):
        put(tmp_path / f"playbooks/{name}.yaml", BOOK.replace("default: 3", f"default: {many}"))
    put(tmp_path / "playbooks/causes/site.yaml", SITE)
    (told,) = told_causes(tmp_path, "OPS900")
    assert told.playbooks == ("mine", "theirs", "yours")
    assert sorted((name, param.default) for name, param in told.params) == [("many", 3.0), ("many", 5.0)]


def test_a_code_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(DefinitionError, match="there is no cause 'OPS999', expected one of OPS101, ") as refused:
        told_causes(None, "OPS999")
    assert len(refused.value.problems) == 1


def test_a_code_that_may_stand_in_a_broken_file_is_refused_with_what_is_wrong_there(tmp_path: Path) -> None:
    put(
        tmp_path / "playbooks/chat-stuck.yaml", (shipped("playbooks") / "chat-stuck.yaml").read_text("utf-8") + "x: 1\n"
    )
    with pytest.raises(DefinitionError) as refused:
        told_causes(tmp_path, "OPS102")
    assert "there is no cause 'OPS102', expected one of OPS101, " in str(refused.value)
    assert "unknown key 'x'" in str(refused.value)
