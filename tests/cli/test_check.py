"""`opskit check`: on a bare machine, on a running stack, on bundles, as a plugin."""

import json
from pathlib import Path

import pytest

from opskit.judge.perfdata import parse
from opskit.lab.users import ask
from opskit.report.wrapping import columns

SAMPLES = Path(__file__).parents[2] / "sample_logs"
CHORES = {
    "certificate", "clawdbot-health", "gateway-errors", "gpu-expected", "gpu-health", "gpu-memory", "gpu-temperature",
    "host-resources", "latency", "nginx-errors", "ollama-health",
}  # fmt: skip
THIS_HOST = "host-resources"
"""Measured for real wherever the tests run: what it says of that host is not theirs to demand."""


def test_a_bare_machine_is_never_ok_and_each_check_says_what_to_do(opskit):
    done = opskit("check", "--json", "--no-record")
    answer = json.loads(done.stdout)
    assert {item["check"] for item in answer["checks"]} == CHORES
    assert {item["status"] for item in answer["checks"] if item["check"] != THIS_HOST} <= {"unknown", "critical"}
    assert done.returncode == answer["exit_code"] == 2
    assert all(item["items"][0]["text"] for item in answer["checks"])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("output", ["nagios", "text", "json", "checkmk", "nagios-passive"])
def test_the_exit_code_is_the_same_in_every_format(opskit, output):
    assert opskit("check", "gpu-memory", "--output", output, "--no-record").returncode == 3
    assert opskit("check", "clawdbot-health", "--output", output, "--no-record").returncode == 2


def live(stack, folder):
    """A configuration for the lab, with a history of its own."""
    settings = {**json.loads(stack.plan.config_file.read_bytes()), "history": {"path": str(folder / "h.db")}}
    (folder / "live.yaml").write_text(json.dumps(settings))
    return folder / "live.yaml"


def test_a_running_stack_is_ok_and_its_numbers_are_perfdata(opskit, stack, tmp_path):
    conf = live(stack, tmp_path)
    parts = sorted(CHORES - {THIS_HOST})
    done = opskit("check", *parts, "--output", "nagios", given=conf)
    assert done.returncode == 0, done.stdout
    head, _, perfdata = done.stdout.splitlines()[0].partition(" | ")
    assert head == f"OPSKIT OK - {len(parts)} checks"
    numbers = parse(perfdata)
    assert numbers.rejected == 0
    assert {item.label.split("_")[0] for item in numbers.items} == set(parts)
    room = parse(opskit("check", THIS_HOST, given=conf).stdout.splitlines()[0].partition(" | ")[2])
    assert {"memory_available_pct", "load_per_core"} <= {item.label for item in room.items}
    assert done.stdout.count("|") == 1


def test_a_fault_is_seen_by_the_check_that_watches_for_it(opskit, stack, tmp_path):
    conf = live(stack, tmp_path)
    stack.change({"card": {"gpu0.temp": 91, "gpu0.reasons": "0x40"}, "clawdbot": {"health": "failing"}}, [])
    try:
        done = opskit("check", "gpu-temperature", "clawdbot-health", "--json", given=conf)
    finally:
        stack.restore()
    states = {item["check"]: item for item in json.loads(done.stdout)["checks"]}
    assert states["gpu-temperature"]["status"] == "critical"
    assert "slowed down by heat" in states["gpu-temperature"]["items"][0]["text"]
    assert states["clawdbot-health"]["status"] == "critical"
    assert "status 503" in states["clawdbot-health"]["items"][0]["text"]
    assert done.returncode == 2


def test_a_service_that_is_gone_stands_in_nginxs_own_log(opskit, stack, tmp_path):
    conf = live(stack, tmp_path)
    assert opskit("check", "nginx-errors", given=conf).returncode == 0
    stack.stop("clawdbot")
    try:
        for number in range(4):
            ask(stack.plan, number)
        done = opskit("check", "nginx-errors", given=conf)
    finally:
        stack.start("clawdbot")
        stack.clear_logs()
    assert done.returncode == 1
    assert "no connection to a service behind Nginx (" in done.stdout
    assert "error.log:4: connect() failed (111: Connection refused)" in done.stdout


def test_a_health_route_that_answers_anything_is_not_called_healthy(opskit, stack, tmp_path):
    conf = live(stack, tmp_path)
    stack.change({"clawdbot": {"health": "page"}}, [])
    try:
        done = opskit("check", "clawdbot-health", given=conf)
    finally:
        stack.restore()
    assert done.returncode == 1
    assert "the health route proves nothing" in done.stdout


def test_a_driver_that_hangs_is_unknown_within_the_timeout_and_the_call_is_named(opskit, stack, tmp_path):
    conf = live(stack, tmp_path)
    stack.change({"card": {"gpu0.temp.hang": 30}}, [])
    try:
        done = opskit("check", "gpu-temperature", "-t", "1.5", "--no-record", given=conf)
        other = opskit("check", "gpu-temperature", "-t", "1.5:critical", "--no-record", given=conf)
    finally:
        stack.restore()
    assert done.returncode == 3
    assert "nvmlDeviceGetTemperature" in done.stdout
    assert other.returncode == 2
    alive = [path.name for path in Path("/proc").iterdir() if path.name.isdigit() and _is_reader(path, stack)]
    assert alive == []


def _is_reader(process: Path, stack) -> bool:
    """Other tests ask other cards at the same time: a reader of ours has loaded our library."""
    try:
        words, files = (process / "cmdline").read_bytes(), (process / "maps").read_bytes()
    except OSError:
        return False
    return b"gpu_reader" in words and str(stack.plan.library).encode() in files


FIRES = {
    "certificate": ("certificate-expired", "control-healthy"),
    "clawdbot-health": ("clawdbot-killed", "control-healthy"),
    "gateway-errors": ("gateway-key-rotated", "control-healthy"),
    "gpu-expected": ("ollama-on-the-cpu", "ollama-out-of-gpu-memory"),
    "gpu-health": ("gpu-off-the-bus", "control-hot-card"),
    "gpu-memory": ("ollama-out-of-gpu-memory", "control-memory-full"),
    "gpu-temperature": ("gpu-throttled", "control-hot-card"),
    "host-resources": ("control-files-nearly-used-up", "control-many-clients"),
    "latency": ("gateway-killed", "control-long-answers"),
    "nginx-errors": ("clawdbot-killed", "control-scanner"),
    "ollama-health": ("ollama-on-the-cpu", "control-runner-restarted"),
}


def test_every_shipped_check_has_its_pair_of_recordings():
    assert set(FIRES) == CHORES


@pytest.mark.parametrize(("check", "pair"), FIRES.items())
def test_a_check_fires_on_its_recording_and_not_on_the_look_alike(opskit, check, pair):
    fires, look_alike = pair
    assert opskit("check", check, "--from", str(SAMPLES / fires)).returncode in {1, 2}
    assert opskit("check", check, "--from", str(SAMPLES / look_alike)).returncode == 0


def test_thresholds_of_the_command_line_decide(opskit):
    full = str(SAMPLES / "ollama-out-of-gpu-memory")
    done = opskit("check", "gpu-memory", "--from", full, "-w", "99")
    assert (done.returncode, ";99;;" in done.stdout) == (0, True)
    assert opskit("check", "gpu-memory", "--from", full, "-c", "memory_used_pct=92").returncode == 2
    for wrong in (("-w", "5:1"), ("-c", "nothing=3"), ("gpu-temperature", "-w", "3")):
        refused = opskit("check", "gpu-memory", "--from", full, *wrong)
        assert (refused.returncode, refused.stdout.startswith("UNKNOWN - -w")) == (3, True)


def test_verbose_says_where_values_were_read_and_how_they_were_judged(opskit):
    told = opskit("check", "gpu-memory", "--from", str(SAMPLES / "control-memory-full"), "-vv").stdout
    assert "read: NVML memory.used  GPU-" in told
    assert "rule: memory_used_pct warn 90, per gpu, confirm memory_explained 1:" in told
    assert told.count("|") == 1


def test_a_local_check_of_checkmk_is_one_line_for_each_check(opskit):
    lines = opskit(
        "check", "--from", str(SAMPLES / "ollama-out-of-gpu-memory"), "--output", "checkmk"
    ).stdout.splitlines()
    assert [line.split('"')[1].removeprefix("opskit ") for line in lines] == sorted(CHORES)
    states = {line.split('"')[1]: line[:2] for line in lines}
    assert (states["opskit gpu-memory"], states["opskit gpu-temperature"]) == ("1 ", "0 ")
    for line in lines:
        metrics = line.split('" ')[1].split(" ")[0]
        assert all("=" in metric and "%" not in metric for metric in metrics.split("|"))


def test_one_broken_site_file_is_unknown_and_the_others_still_run(opskit, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "mine.yaml").write_text("probe: gpu\nrulez: []\n")
    done = opskit("--definitions", str(site), "check", "--json", "--no-record")
    states = {item["check"]: item for item in json.loads(done.stdout)["checks"]}
    assert set(states) == {*CHORES, "mine"}
    assert states["mine"]["status"] == "unknown"
    assert any("did you mean 'rules'" in item["text"] for item in states["mine"]["items"])


def test_a_check_of_the_site_runs_and_a_masked_one_does_not(opskit, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "latency.yaml").write_text("enabled: false\n")
    (site / "disk.yaml").write_text(
        "summary: Room on the disk\nwhy: Logs need it.\nprobe: host\n"
        'rules: [{metric: disk_free_pct, crit: "@0:100"}]\nevery: 5m\ntimeout: 5s\n'
    )
    done = opskit("--definitions", str(site), "check", "--json", "--no-record")
    states = {item["check"]: item["status"] for item in json.loads(done.stdout)["checks"]}
    assert "latency" not in states
    assert states["disk"] == "critical"


def test_a_history_that_cannot_be_written_does_not_stop_the_checks(opskit, config, tmp_path):
    settings = json.loads(config.read_text())
    settings["history"]["path"] = str(tmp_path / "opskit.yaml" / "history.db")
    config.write_text(json.dumps(settings))
    done = opskit("check", "gpu-memory")
    assert done.returncode == 3
    assert done.stdout.startswith("GPU-MEMORY UNKNOWN")
    assert "the history is not written" in done.stderr


def test_output_survives_an_ascii_locale(opskit):
    done = opskit("--lang", "zh", "check", "gpu-memory", "--no-record", env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert done.returncode == 3
    assert "驱动" in done.stdout


def test_hostile_log_lines_reach_the_screen_escaped(opskit, tmp_path):
    user = r"\u001b[31mred|<script>\u202e"
    line = f'{{"time": "2026-11-23T10:00:00Z", "status": 500, "user_id": "{user}", "request_id": "r"}}\n'
    now = json.loads(opskit("check", "latency", "--json", "--no-record").stdout)["checks"][0]["at"]
    (tmp_path / "gateway.log").write_text(line.replace("2026-11-23T10:00:00Z", now) * 20)
    done = opskit("check", "gateway-errors", "--no-record")
    assert done.returncode == 2
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "<script" not in done.stdout
    assert done.stdout.count("|") == 1


def test_a_check_explains_itself_with_what_is_remembered(opskit):
    before = opskit("explain", "gpu-memory")
    assert before.returncode == 0
    assert "nothing is remembered of the last 7 days" in before.stdout
    assert "rule: memory_used_pct warn 90, per gpu" in before.stdout
    told = json.loads(opskit("explain", "gpu-memory", "-w", "50", "--json").stdout)
    assert [rule["warn"] for rule in told["rules"] if rule["metric"] == "memory_used_pct"] == ["50"]
    assert (told["latest"], told["alerts"]) == (None, [])
    assert opskit("explain", "nothing").returncode == 3


def test_a_cause_explains_itself_and_needs_nothing_that_runs(opskit, tmp_path):
    english, chinese = opskit("explain", "OPS403"), opskit("--lang", "zh", "explain", "OPS403")
    assert (english.returncode, english.stderr, chinese.returncode) == (0, "", 0)
    assert english.stdout.startswith("OPS403: The GPU's memory is exhausted\nLayer: ollama. Playbook: chat-stuck, ")
    assert chinese.stdout.startswith("OPS403: 显存耗尽\n")
    assert "  1. 查看哪些进程占用显存 [只读]\n       nvidia-smi\n" in chinese.stdout
    assert max(columns(line) for line in (english.stdout + chinese.stdout).splitlines()) <= 100
    assert not {"`", "#"} & set(english.stdout)
    assert not (tmp_path / "state").exists()
    (told,) = json.loads(opskit("explain", "OPS403", "--json").stdout)["causes"]
    assert (told["code"], told["verify"]) == ("OPS403", "canary.answered")
    refused, misused = opskit("explain", "OPS999"), opskit("explain", "OPS403", "-w", "5")
    assert (refused.returncode, misused.returncode, refused.stdout) == (3, 3, "")
    assert refused.stderr.startswith("opskit: causes: there is no cause 'OPS999', expected one of OPS101, ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("output", ["nagios", "text", "checkmk"])
def test_a_check_that_fires_names_the_way_to_the_cause(opskit, output):
    fires = opskit("check", "gateway-errors", "--from", "sample_logs/gateway-key-rotated", "--output", output)
    calm = opskit("check", "gateway-errors", "--from", "sample_logs/control-healthy", "--output", output)
    assert "opskit triage errors-401-429-5xx" in fires.stdout
    assert "opskit triage" not in calm.stdout
    assert (fires.returncode, calm.returncode) == (2, 0)
