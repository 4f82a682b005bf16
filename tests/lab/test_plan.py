"""Files that follow from the plan alone."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import yaml
from cryptography import x509

from opskit.definitions import settings
from opskit.lab.clawdbot import config as clawdbot
from opskit.lab.faults import faults
from opskit.lab.gateway import config as gateway
from opskit.lab.nginx import site
from opskit.lab.ollama import settings as ollama
from opskit.lab.plan import API_KEY, MODEL, Plan, merge_changes, write
from opskit.lab.ports import Ports, free_ports

PORTS = Ports(20001, 20002, 20003, 20004, 20005, 20006)
LOCAL = ("api-key", "clawdbot.yaml", "gateway.yaml", "ollama.yaml", "opskit.yaml")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan whose files are written."""
    plan = Plan(str(tmp_path / "lab"), PORTS)
    site.prepare(plan.root / "nginx")
    write(plan)
    return plan


def contents(plan: Plan) -> dict[str, bytes]:
    """Every file of the lab but what certificates are made of: those have random keys."""
    files = (path for path in plan.root.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if "letsencrypt" not in path.parts}


def certificate(plan: Plan) -> x509.Certificate:
    live = plan.root / "letsencrypt" / "live" / site.SERVER_NAME
    return x509.load_pem_x509_certificate((live / "fullchain.pem").read_bytes())


def test_the_same_plan_writes_the_same_files_and_nothing_moves(plan):
    before = contents(plan)
    assert {name for name in LOCAL if str(plan.root / name) in before} == set(LOCAL)
    serial = certificate(plan).serial_number
    assert write(plan) == frozenset()
    assert contents(plan) == before
    assert certificate(plan).serial_number == serial


def test_the_first_time_everything_moves(tmp_path):
    plan = Plan(str(tmp_path / "lab"), PORTS)
    site.prepare(plan.root / "nginx")
    assert write(plan) == {"ollama", "gateway", "clawdbot", "nginx"}


@pytest.mark.parametrize(
    ("section", "change", "moved"),
    [
        ("nginx", {"server": "return 418;"}, {"nginx"}),
        ("gateway", {"auth": {"valid_keys": ["another"]}}, {"gateway"}),
        ("clawdbot", {"backend": {"model": "other"}}, {"clawdbot"}),
        ("ollama", {"load_seconds": 3}, {"ollama"}),
        ("card", {"gpu0.temp": 94}, set()),
        ("certificate", {"days": -3}, {"nginx"}),
        ("users", {"cut": True}, set()),
        ("opskit", {"stack": {"gpu": {"expected": 2}}}, set()),
    ],
)
def test_only_what_was_changed_moves_and_taking_it_back_restores_every_byte(plan, section, change, moved):
    before = contents(plan)
    broken = merge_changes(plan, {section: change})
    assert plan.changes == {}
    assert write(broken) == moved
    if section not in {"certificate", "users"}:
        assert contents(plan) != before
    assert write(plan) == moved
    assert contents(plan) == before


@pytest.mark.parametrize("name", faults())
def test_every_fault_can_be_written_and_leaves_no_trace(plan, name):
    before = contents(plan)
    write(merge_changes(plan, faults()[name].changes))
    write(plan)
    assert contents(plan) == before
    assert list(plan.root.rglob("*.new")) == []


def test_later_changes_come_on_top_and_do_not_undo_earlier_ones(plan):
    once = merge_changes(plan, {"gateway": {"auth": {"valid_keys": ["a"]}, "rate_limit": {"max_requests": 4}}})
    twice = merge_changes(once, {"gateway": {"auth": {"valid_keys": ["b"]}}, "ollama": {"load_seconds": 1}})
    assert twice.changes == {
        "gateway": {"auth": {"valid_keys": ["b"]}, "rate_limit": {"max_requests": 4}},
        "ollama": {"load_seconds": 1},
    }
    write(twice)
    written = yaml.safe_load((plan.root / "gateway.yaml").read_bytes())
    assert written["auth"] == {"enabled": True, "header_key": "X-Api-Key", "valid_keys": ["b"]}
    assert written["rate_limit"] == {"enabled": True, "max_requests": 4, "window_seconds": 60}


def test_a_change_to_the_site_that_nobody_knows_is_refused(plan):
    with pytest.raises(msgspec.ValidationError, match="unknown field `sever`"):
        write(merge_changes(plan, {"nginx": {"sever": "return 418;"}}))


def test_every_part_takes_its_file_and_they_point_to_each_other(plan):
    ui, key = clawdbot.load(plan.root / "clawdbot.yaml")
    assert key == API_KEY
    assert ui.backend.api_base == "http://127.0.0.1:20004/v1"
    assert ui.backend.model == MODEL
    door = gateway.load(plan.root / "gateway.yaml")
    assert door.address == ("127.0.0.1", 20004)
    assert door.ollama_api == "http://127.0.0.1:20005"
    assert door.auth.valid_keys == (API_KEY,)
    server = ollama.read(plan.root / "ollama.yaml")
    assert server.address == ("127.0.0.1", 20005)
    assert server.find(MODEL)
    assert door.defects == ui.defects == server.defects == ()


def test_opskit_understands_its_file(plan):
    read = settings.load(plan.config_file)
    assert read.stack.gateway.url == plan.urls["gateway"]
    assert read.stack.nginx.url == f"https://127.0.0.1:{plan.port_of('nginx')}/"
    assert API_KEY.encode() not in plan.config_file.read_bytes()
    assert plan.key_file.stat().st_mode & 0o077 == 0


def test_a_certificate_is_good_for_two_months(plan):
    now = datetime.now(UTC)
    assert now - timedelta(days=91) < certificate(plan).not_valid_before_utc < now - timedelta(days=89)
    assert now + timedelta(days=59) < certificate(plan).not_valid_after_utc < now + timedelta(days=61)


def test_a_certificate_may_have_ended_while_its_authority_is_still_good(plan):
    write(merge_changes(plan, {"certificate": {"days": -3}}))
    now = datetime.now(UTC)
    assert now - timedelta(days=4) < certificate(plan).not_valid_after_utc < now - timedelta(days=2)
    assert certificate(plan).not_valid_before_utc < certificate(plan).not_valid_after_utc
    authority = x509.load_pem_x509_certificate(plan.ca_file.read_bytes())
    assert authority.not_valid_before_utc < certificate(plan).not_valid_before_utc
    assert authority.not_valid_after_utc > now
    write(plan)
    assert certificate(plan).not_valid_after_utc > now + timedelta(days=59)


def test_a_certificate_may_begin_tomorrow_while_its_authority_is_good(plan):
    write(merge_changes(plan, {"certificate": {"days": 60, "begins_in_days": 1}}))
    now = datetime.now(UTC)
    assert now + timedelta(hours=23) < certificate(plan).not_valid_before_utc < now + timedelta(hours=25)
    authority = x509.load_pem_x509_certificate(plan.ca_file.read_bytes())
    assert authority.not_valid_before_utc <= now < authority.not_valid_after_utc


def test_ports_are_different_and_nobody_listens_there():
    ports = msgspec.structs.astuple(free_ports())
    assert len(set(ports)) == len(Ports.__struct_fields__)
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("profile", ["reference", "recommended"])
def test_a_site_has_nothing_left_to_fill_in(tmp_path, profile):
    plan = Plan(str(tmp_path), PORTS, profile)
    site.prepare(plan.root / "nginx")
    write(plan)
    for file in (plan.root / "nginx" / "nginx.conf", plan.root / "nginx" / "sites-available" / site.SITE):
        assert "@" not in file.read_text()
