"""The lab at work: changed and healed, frozen and thawed, killed and started."""

from __future__ import annotations

import http.client
import os
import resource
import ssl
from pathlib import Path

import pytest

from opskit.lab.drill import break_in, heal, is_well, opskit
from opskit.lab.plan import PARTS
from opskit.lab.record import load
from opskit.lab.stack import Stack
from opskit.lab.users import ask, knock, look
from tests.lab.part_process import eventually
from tests.lab.running_lab import processes_of, take_out

CHECK_S = 60.0


def configuration(stack: Stack) -> dict[str, bytes]:
    root = stack.plan.root
    files = [*root.glob("*.yaml"), *(root / "nginx" / "sites-available").iterdir(), root / "nginx" / "nginx.conf"]
    return {str(path): path.read_bytes() for path in [*files, *(root / "nvml" / "state").glob("[cf]a*")]}


def outcome(stack: Stack, number: int = 1, patience: float = 10.0) -> str:
    return ask(stack.plan, number, patience=patience).outcome


def temperature(stack: Stack) -> int:
    return opskit(stack, "check", "gpu-temperature", "--no-record", timeout=CHECK_S).returncode


# What is changed, what tells it, and what that says then; a healthy lab says "fine" or 0.
CHANGES = {
    "nginx": ({"server": "return 418;"}, outcome, "refused"),
    "gateway": ({"auth": {"valid_keys": ["another"]}}, outcome, "refused"),
    "clawdbot": ({"backend": {"api_base": "http://127.0.0.1:9/v1"}}, outcome, "error"),
    "ollama": ({"defects": ["empty_answer"]}, outcome, "empty"),
    "card": ({"gpu0.temp": 97, "gpu0.reasons": "0x40"}, temperature, 2),
    "certificate": ({"days": -3}, outcome, "error"),
    "users": ({"cut": True}, outcome, "error"),
}


@pytest.mark.parametrize("section", CHANGES)
def test_a_change_is_felt_and_healing_takes_it_back(lab, section):
    change, tell, changed = CHANGES[section]
    before = configuration(lab)
    lab.change({section: change}, ["a-fault"])
    assert tell(lab) == changed
    assert lab.record.broken == ("a-fault",)
    assert load(lab.plan.root) == lab.record
    take_out(lab)
    assert tell(lab) in {"fine", 0}
    assert configuration(lab) == before
    assert lab.record.broken == ()
    assert lab.plan.changes == {}
    assert load(lab.plan.root) == lab.record


def test_an_expired_certificate_is_what_the_user_is_told(lab):
    lab.change({"certificate": {"days": -3}}, [])
    assert "expired" in ask(lab.plan, 1).reason
    lab.change({"certificate": {"days": 60, "begins_in_days": 1}}, [])
    assert "not yet valid" in ask(lab.plan, 1).reason


def test_a_healthy_lab_is_well(lab):
    assert is_well(lab)
    assert {lab.record.state_of(part) for part in PARTS} == {"up"}


def test_a_change_keeps_processes_and_open_counters(lab):
    before = {part: process.pid for part, process in lab.record.running.items()}
    lab.change({"gateway": {"max_prompt_chars": 999}, "nginx": {"connections": 100}}, [])
    assert {part: process.pid for part, process in lab.record.running.items()} == before
    assert outcome(lab) == "fine"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_is_started_again_by_healing(lab, part):
    lab.kill(part)
    assert lab.record.state_of(part) == "down"
    assert outcome(lab, patience=5.0) == "error"
    take_out(lab)
    assert lab.record.state_of(part) == "up"
    assert outcome(lab) == "fine"


@pytest.mark.parametrize("part", PARTS)
def test_a_frozen_part_lets_users_wait_until_it_is_thawed(lab, part):
    lab.freeze(part)
    eventually(lambda: lab.record.state_of(part) == "frozen")
    assert outcome(lab, patience=1.5) == "wait"
    lab.thaw()
    eventually(lambda: lab.record.state_of(part) == "up")
    eventually(lambda: outcome(lab) == "fine")


def test_a_frozen_runner_leaves_ollama_answering(lab):
    assert outcome(lab) == "fine"
    lab.freeze("runner")
    assert lab.record.state_of("ollama") == "up"
    assert outcome(lab, patience=1.5) == "wait"
    take_out(lab)
    assert outcome(lab) == "fine"


def test_a_killed_runner_comes_back_with_the_next_question(lab):
    assert outcome(lab) == "fine"
    before = lab._pids("runner")
    assert len(before) == 1
    lab.kill("runner")
    eventually(lambda: lab._pids("runner") != before)
    assert eventually(lambda: outcome(lab) == "fine")
    assert lab._pids("runner") not in ([], before)


def test_stop_start_and_restart(lab):
    first = lab.record.running["gateway"].pid
    lab.stop("gateway")
    assert lab.record.state_of("gateway") == "down"
    lab.start("gateway")
    second = lab.record.running["gateway"].pid
    lab.start("gateway")
    assert lab.record.running["gateway"].pid == second != first
    lab.restart("gateway")
    assert lab.record.running["gateway"].pid != second
    assert lab.record.tainted == ("gateway",)
    take_out(lab)
    assert lab.record.tainted == ()


def test_idle_clients_are_there_until_healed(lab):
    break_in(lab, ["nginx-connections-used-up"])
    beside = lab.record.running["idle-clients"]
    assert beside.alive()
    take_out(lab)
    assert not beside.alive()
    assert outcome(lab) == "fine"


def test_a_gateway_with_few_files_left_serves_everybody_and_has_its_limit_again_when_healed(lab):
    break_in(lab, ["control-files-nearly-used-up"])
    gateway = lab.record.running["gateway"].pid
    opened = len(list(Path(f"/proc/{gateway}/fd").iterdir()))
    limit, _ = resource.prlimit(gateway, resource.RLIMIT_NOFILE)
    assert opened > 120
    assert opened < limit <= opened + 40
    assert outcome(lab) == "fine"
    take_out(lab)
    assert resource.prlimit(lab.record.running["gateway"].pid, resource.RLIMIT_NOFILE)[0] > limit


def test_a_blocked_folder_is_a_folder_again(lab):
    break_in(lab, ["nginx-body-temp-unusable"])
    assert ask(lab.plan, 1, "long").outcome == "error"
    assert (lab.plan.root / "nginx" / "temp" / "body").is_file()
    take_out(lab)
    assert (lab.plan.root / "nginx" / "temp" / "body").is_dir()
    assert ask(lab.plan, 1, "long").outcome == "fine"


def test_several_faults_at_once_are_healed_at_once(lab):
    break_in(lab, ["gateway-key-rotated", "clawdbot-killed", "ollama-frozen", "nginx-body-too-large"])
    # Whatever ends a part comes last, or the next one would restart it.
    assert lab.record.broken == ("gateway-key-rotated", "nginx-body-too-large", "clawdbot-killed", "ollama-frozen")
    assert heal(lab)


def test_the_parts_are_this_users_alone_and_listen_on_loopback_only(lab):
    outcome(lab)
    own = {f"{port:04X}" for port in (lab.plan.port_of(part) for part in PARTS)}
    rows = [line.split()[1].split(":") for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {address for address, port in rows if port in own} <= {"0100007F", *(f"{n:02X}00017F" for n in range(256))}
    rows6 = [line.split()[1].split(":") for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [address for address, port in rows6 if port in own and not address.endswith("0100007F")]
    assert (lab.plan.root).stat().st_mode & 0o077 == 0


def test_the_plain_port_leads_to_tls_and_the_page_is_clawdbots(lab):
    connection = http.client.HTTPConnection("127.0.0.1", lab.plan.ports.http, timeout=10)
    connection.request("GET", "/x", headers={"Host": "127.0.0.1"})
    answer = connection.getresponse()
    assert answer.status == 301
    assert answer.getheader("Location") == f"https://127.0.0.1:{lab.plan.ports.https}/x"
    connection.close()
    assert look(lab.plan).outcome == "fine"
    assert knock(lab.plan, 1, "/v1/models", "GET") in {401, 403}


def test_nobody_trusts_the_lab_who_was_not_told_to(lab):
    strict = ssl.create_default_context()
    connection = http.client.HTTPSConnection("127.0.0.1", lab.plan.ports.https, timeout=10, context=strict)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")
    connection.close()


def test_no_process_of_the_lab_is_our_childs_business(lab):
    """They lead sessions of their own: a Ctrl-C in the terminal does not reach them."""
    for process in lab.record.running.values():
        if process.alive():
            assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert len(processes_of(lab.plan.root)) >= len(PARTS)
