"""The day's round: status, the daily report, the daemon, the mail; and the commands around them."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wcwidth import wcswidth

from tests.notify.authority import Authority
from tests.notify.mail_server import MailServer, Rules

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_logs"
CHECKS = sorted(path.stem for path in (ROOT / "checks").iterdir())


@pytest.fixture
def mail(tmp_path, config) -> Iterator[MailServer]:
    """A real SMTP server with STARTTLS, and the configuration that sends to it."""
    import ssl

    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate("localhost"))
    server = MailServer(Rules(), "starttls", context)
    server.start()
    settings = json.loads(config.read_text())
    settings["notify"] = {
        "group_wait": 1,
        "email": {
            "to": ["ops@example.test"], "sender": "opskit@example.test", "host": "localhost",
            "port": server.port, "tls": "starttls", "ca_file": str(authority.ca_file),
        }
    }  # fmt: skip
    config.write_text(json.dumps(settings))
    yield server
    server.stop()


def test_status_before_any_run_is_unknown(opskit):
    done = opskit("status")
    assert done.returncode == 3
    assert done.stdout.count("never ran") == len(CHECKS)


def test_status_shows_what_the_checks_found_worst_first(opskit):
    opskit("check")
    done = opskit("status")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["STATE", "CHECK", "SINCE", "LAST", "RUN", "WHAT"]
    assert lines[1].startswith("CRITICAL  clawdbot-health")
    answer = json.loads(opskit("status", "--json").stdout)
    assert answer["status"] == "critical"
    assert len(answer["checks"]) == len(CHECKS)


def test_chinese_columns_line_up(opskit):
    opskit("check", "gpu-memory")
    lines = opskit("--lang", "zh", "status").stdout.splitlines()[: len(CHECKS) + 1]
    starts = {wcswidth(re.match(r"(\S+\s+)", line).group(1)) for line in lines}
    assert len(starts) == 1


def test_the_report_of_a_day_counts_runs_and_tells_changes(opskit):
    opskit("check")
    opskit("check", "clawdbot-health")
    done = opskit("report", "daily", "--date", "today")
    assert done.returncode == 0
    assert "clawdbot-health: 2 of" in done.stdout
    assert "-> CRITICAL" in done.stdout
    assert "no check ran" in opskit("report", "daily", "--date", "2020-02-02").stdout


def test_a_critical_state_goes_out_by_mail_once_and_its_end_too(opskit, mail, tmp_path, config):
    first = opskit("check", "clawdbot-health")
    assert first.returncode == 2
    opskit("check", "clawdbot-health")
    assert len(mail.mails) == 1
    problem = mail.mails[0]
    assert "CRITICAL" in problem.get_body(("plain",)).get_content()
    assert "connection refused" in problem.get_body(("plain",)).get_content()
    assert problem["Auto-Submitted"] == "auto-generated"
    server = subprocess.Popen([sys.executable, "-c", _HEALTH, str(tmp_path / "port")])
    try:
        settings = json.loads(config.read_text())
        settings["stack"]["clawdbot"]["url"] = f"http://127.0.0.1:{_port(tmp_path / 'port')}"
        config.write_text(json.dumps(settings))
        assert opskit("check", "clawdbot-health").returncode == 0
    finally:
        server.kill()
        server.wait()
    assert len(mail.mails) == 2
    assert "OK" in mail.mails[1].get_body(("plain",)).get_content()
    assert problem["Subject"] == mail.mails[1]["Subject"]


def test_the_report_comes_as_page_as_json_and_by_mail(opskit, mail, tmp_path):
    opskit("check")
    page = tmp_path / "day.html"
    made = opskit("report", "daily", "--date", "today", "--format", "html", "--out", str(page))
    assert (made.returncode, made.stdout) == (0, "")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    whole = json.loads(opskit("report", "daily", "--date", "today", "--format", "json").stdout)
    assert whole["schema"] == "opskit.daily/v1"
    assert {each["check"] for each in whole["checks"]} == set(CHECKS)
    before = len(mail.mails)
    sent = opskit("report", "daily", "--date", "today", "--email")
    assert (sent.returncode, sent.stdout) == (0, "")
    assert "email: accepted" in sent.stderr
    told = mail.mails[before]
    assert told.get_content_type() == "multipart/alternative"
    assert told["X-Opskit-Kind"] == "report"
    text = told.get_body(("plain",)).get_content()
    assert text.replace("\r\n", "\n").startswith("opskit, ")
    assert "</html>" in told.get_body(("html",)).get_content()


def test_a_report_nobody_can_be_mailed_to_is_a_mistake(opskit):
    done = opskit("report", "daily", "--email")
    assert (done.returncode, done.stdout) == (3, "")
    assert "notify.email is not configured" in done.stderr


def test_a_mail_that_cannot_go_out_is_said_and_sent_later(opskit, mail):
    mail.rules.answers.append("451 later")
    first = opskit("check", "clawdbot-health")
    assert first.returncode == 2
    assert "451" in first.stderr
    assert opskit("check", "clawdbot-health").returncode == 2  # the retry waits for its time


def test_the_daemon_runs_its_checks_mails_and_ends_on_sigterm(opskit, mail, config, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    for name in set(CHECKS) - {"clawdbot-health"}:
        (site / f"{name}.yaml").write_text("enabled: false\n")
    shipped = (ROOT / "checks" / "clawdbot-health.yaml").read_text()
    (site / "clawdbot-health.yaml").write_text(shipped.replace("every: 1h", "every: 1s"))
    command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(site), "run"]
    daemon = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(300):
        if mail.mails:
            break
        time.sleep(0.1)
    daemon.send_signal(signal.SIGTERM)
    _, log = daemon.communicate(timeout=20)
    assert daemon.returncode == 0
    assert len(mail.mails) == 1
    assert log.count("CRITICAL clawdbot-health") >= 1
    assert "stopped" in log


def test_logs_top_answers_as_published(opskit, tmp_path):
    log = tmp_path / "access.log"
    line = '{client} - - [22/Nov/2026:13:00:{n:02d} +0800] "POST /api/chat HTTP/1.1" {status} 10 "-" "curl 429 500"\n'
    rows = [("10.0.0.7", 429)] * 5 + [("10.0.0.8", 429)] * 2 + [("10.0.0.9", 200)] * 3
    text = "".join(line.format(client=client, n=n, status=status) for n, (client, status) in enumerate(rows))
    log.write_text(text + "latency 1429 ms, port 50042\n")
    answer = json.loads(opskit("logs", "top", str(log), "--status", "401,429", "--json").stdout)
    assert answer["top"] == {
        "401": [],
        "429": [{"client": "10.0.0.7", "count": 5}, {"client": "10.0.0.8", "count": 2}],
    }
    assert (answer["lines"], answer["parsed"], answer["unparsed"], answer["matched"]) == (11, 10, 1, 7)
    assert answer["window"] == {"since": None, "until": None}
    assert answer["files"][0]["path"] == str(log)


def test_logs_top_reads_the_gateways_log_by_user(opskit):
    done = opskit(
        "logs",
        "top",
        str(SAMPLES / "gateway-rate-limit-shared" / "gateway.log"),
        "--status",
        "429",
        "--by",
        "user",
        "-n",
        "3",
    )
    assert done.returncode == 0
    assert "matched" in done.stdout


def test_a_log_that_cannot_be_read_is_named_and_the_others_are_counted(opskit, tmp_path):
    good = SAMPLES / "control-healthy" / "nginx-access.log"
    done = opskit("logs", "top", str(good), str(tmp_path / "absent.log"), "--status", "2xx", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 3
    assert answer["matched"] > 0
    assert "absent.log" in answer["files"][1]["error"]


def test_the_demo_shows_health_incidents_and_a_log_within_its_minute(opskit):
    done = opskit("demo")
    assert done.returncode == 0
    assert re.findall(r"FAULT (OPS\d+)", done.stdout) == ["OPS403", "OPS201", "OPS203", "OPS202"]
    # How much room this host has is not the practice stack's doing.
    assert re.search(
        rf"{len(CHECKS)} checks: (?:1 \w+, )?{len(CHECKS) - 1}|{len(CHECKS)} checks: {len(CHECKS)} OK", done.stdout
    )
    assert "\nHEALTHY\n" in done.stdout
    assert "matched" in done.stdout


_HEALTH = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1] + ".new", "w").write(str(server.server_port)); os.replace(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
"""


def _port(path: Path) -> int:
    for _ in range(200):
        if path.exists():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the server did not start")
