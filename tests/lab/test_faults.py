"""The registry: every fault can be brought in, says what it is in two languages, and has a cause of its own layer."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec
import pytest

from opskit.app.context import load_context
from opskit.lab.acts import ACTS, perform
from opskit.lab.clawdbot import config as clawdbot
from opskit.lab.drill import break_in
from opskit.lab.faults import Fault, faults
from opskit.lab.gateway import config as gateway
from opskit.lab.gpu import state
from opskit.lab.nginx import site
from opskit.lab.nginx.certificates import issue_valid
from opskit.lab.ollama import settings as ollama
from opskit.lab.plan import PARTS
from opskit.lab.record import LabError
from opskit.lab.stack import fresh

FAULTS = {name: fault for name, fault in faults().items() if not fault.control}
CONTROLS = {name: fault for name, fault in faults().items() if fault.control}
SECTIONS = {"nginx", "gateway", "clawdbot", "ollama", "card", "certificate", "users"}
LAYERS = {"1": "nginx", "2": "gateway", "3": "clawdbot", "4": "ollama", "5": "gpu", "6": "system"}
# What is wrong stands in one layer, and shows in the next: a way that is cut, an address or a key that is wrong.
ELSEWHERE = {"requests-stop": "nginx", "clawdbot-wrong-port": "gateway", "clawdbot-wrong-key": "gateway"}
BARE: dict[str, dict[str, Any]] = {
    "nginx": {"http_port": 1, "https_port": 2, "clawdbot": "127.0.0.1:3", "gateway": "127.0.0.1:4"},
    "gateway": {},
    "clawdbot": {},
    "ollama": {"log": "ollama.log"},
}
SHAPES = {"nginx": site.Site, "gateway": gateway.Config, "clawdbot": clawdbot.Config, "ollama": ollama.Settings}


def test_there_are_enough_of_both():
    assert len(FAULTS) >= 40
    assert len(CONTROLS) >= 8


def test_every_layer_has_faults():
    assert {fault.layer for fault in FAULTS.values()} == set(LAYERS.values())


@pytest.mark.parametrize("name", faults())
def test_a_name_is_made_of_words(name):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", name)
    assert name.startswith("control-") == (name in CONTROLS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_a_cause_of_its_layer(name):
    fault = FAULTS[name]
    assert re.fullmatch(r"OPS[1-6]\d\d", fault.cause or "")
    assert LAYERS[fault.cause[3]] == ELSEWHERE.get(name, fault.layer)
    assert "fine" not in fault.users or len(fault.users) > 1


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_accuses_nobody_and_its_users_are_served(name):
    assert CONTROLS[name].cause is None
    assert "fine" in CONTROLS[name].users


def test_causes_of_the_playbook_are_of_the_layer_that_their_number_says():
    causes = load_context(None, None, "en").tree("chat-stuck").playbook.causes
    # Requests that do not arrive are in front of Nginx; a kill by the kernel ends Ollama, and is the host's doing.
    elsewhere = {"OPS102": "network", "OPS405": "system"}
    for code, cause in causes.items():
        assert cause.layer == elsewhere.get(code, LAYERS[code[3]]), code


@pytest.mark.parametrize("name", faults())
def test_both_languages_say_what_is_done_and_seen(name):
    fault = faults()[name]
    for text in (fault.does, fault.seen):
        assert text.en
        assert not re.search(r"[\u4e00-\u9fff]", text.en)
        assert re.search(r"[\u4e00-\u9fff]", text.zh)


@pytest.mark.parametrize("name", faults())
def test_numbers_of_the_catalogue_exist_and_users_notice_something(name):
    fault = faults()[name]
    assert all(1 <= number <= 60 for number in fault.catalogue)
    assert len(set(fault.catalogue)) == len(fault.catalogue)
    assert fault.users
    assert 0 < fault.patience <= 30
    assert fault.changes or fault.acts or name == "control-healthy"


@pytest.mark.parametrize("name", faults())
def test_every_act_is_known_and_gets_what_it_takes(name):
    for sentence in faults()[name].acts:
        verb, *words = sentence.split()
        inspect.signature(ACTS[verb]).bind(None, *words)
        if verb in {"stop", "start", "restart", "kill", "freeze", "limit", "occupy"}:
            assert words[0] in {*PARTS, *(["runner"] if verb in {"kill", "freeze"} else [])}
        for number in words[1 if verb == "occupy" else 0 :]:
            assert verb not in {"ask", "leave", "knock", "scan", "occupy", "wait"} or float(number) > 0


@pytest.mark.parametrize("name", faults())
def test_every_change_is_one_that_its_part_takes(name):
    for section, change in faults()[name].changes.items():
        assert section in SECTIONS
        if section in SHAPES:
            msgspec.convert({**BARE[section], **change}, SHAPES[section])
        elif section == "certificate":
            inspect.signature(issue_valid).bind(None, "name", **change)
        elif section == "users":
            assert set(change) <= {"cut"}


CARD_ONLY = {"all", "foreign_used", "foreign_procs"}  # what a healthy card has no line for


@pytest.mark.parametrize("name", [name for name, fault in faults().items() if "card" in fault.changes])
def test_every_change_to_the_card_is_one_that_the_library_reads(name):
    known = {*state.healthy(), "init", *(f"gpu0.{key}" for key in CARD_ONLY)}
    assert set(faults()[name].changes["card"]) <= known


def test_a_misspelled_defect_would_be_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"defects": ["no_dome"]}, gateway.Config)


def test_an_act_that_nobody_knows_is_named(tmp_path):
    with pytest.raises(LabError, match="there is no act 'explode', expected one of stop, start"):
        perform(fresh(tmp_path / "lab", remembered=False), "explode nginx")


def test_an_unknown_fault_is_named_before_anything_is_broken(tmp_path):
    stack = fresh(tmp_path / "lab", remembered=False)
    with pytest.raises(LabError, match="there is no fault 'nginx-melted': opskit lab faults lists them"):
        break_in(stack, ["nginx-stopped", "nginx-melted"])
    assert stack.record.broken == ()
    assert not (tmp_path / "lab").exists()


def test_a_fault_has_a_shape():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"layer": "moon", "does": {"en": "a"}, "seen": {"en": "b"}, "users": ["fine"]}, Fault)
