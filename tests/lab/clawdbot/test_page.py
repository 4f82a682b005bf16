"""The page for every path, the behaviours of /health, configs, and the end."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.clawdbot.running import Clawdbot


def test_the_page_is_there_for_every_path(clawdbot: Clawdbot) -> None:
    clawdbot.start()
    pages = {clawdbot.client.get(clawdbot.url + path).text for path in ("/", "/healthz", "/static/app.js", "/a/b?c=d")}
    (page,) = pages
    assert "<title>Ask &lt;Qwen&gt;</title>" in page
    assert not re.search(
        r"(src|href)=.?(https?:|//|/)", page
    )  # nothing from elsewhere, and no file that Nginx could lose
    answer = clawdbot.client.get(f"{clawdbot.url}/nope")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert clawdbot.client.post(f"{clawdbot.url}/nope").status_code == 405


def test_health_behaves_as_told(clawdbot: Clawdbot) -> None:
    clawdbot.start()

    def health() -> tuple[int, str, str]:
        answer = clawdbot.client.get(f"{clawdbot.url}/health")
        return answer.status_code, answer.headers["content-type"], answer.text[:30]

    assert health() == (200, "application/json", '{"ok":true,"status":"live"}')
    clawdbot.reload(health="page")
    assert health() == (200, "text/html; charset=utf-8", '<!doctype html>\n<html lang="en')
    clawdbot.reload(health="failing")
    assert health() == (503, "application/json", '{"ok":false,"status":"failing"')
    clawdbot.reload(health="unready")
    assert health() == (200, "application/json", '{"ok":true,"status":"live"}')


def test_openclaws_other_routes_are_there_only_where_they_are_wanted(clawdbot: Clawdbot) -> None:
    clawdbot.start()
    answers = [clawdbot.client.get(clawdbot.url + path).headers["content-type"] for path in ("/healthz", "/readyz")]
    assert answers == ["text/html; charset=utf-8"] * 2
    clawdbot.reload(health="ready")
    assert clawdbot.client.get(clawdbot.url + "/healthz").json() == {"ok": True, "status": "live"}
    assert clawdbot.client.get(clawdbot.url + "/readyz").json()["ready"] is True
    clawdbot.reload(health="unready")
    answer = clawdbot.client.get(clawdbot.url + "/readyz")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["telegram"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("health: fine", "Invalid enum value 'fine' - at `$.health`"),
        ("defects: [all]", "Invalid enum value 'all' - at `$.defects[0]`"),
        ("backend: {api_key_file: /nonexistent/key}", "backend.api_key_file: "),
        ("backend: {url: x}", "Object contains unknown field `url` - at `$.backend`"),
    ],
)
def test_a_config_that_is_wrong_is_one_line_and_exit_code_2(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "clawdbot.yaml"
    file.write_text(text)
    command = [sys.executable, "-m", "opskit.lab.clawdbot", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_log_has_the_shape_of_tslog(clawdbot: Clawdbot) -> None:
    clawdbot.start()
    clawdbot.chat("a secret question", headers={"X-Request-Id": "r-1"})
    assert clawdbot.part.stop() == 0
    listening, received, answered, stopped = clawdbot.part.lines()
    assert list(answered) == ["0", "1", "_meta", "time"]
    assert answered["0"] == '{"subsystem":"chat"}'
    assert received["1"] == "chat message received request_id=r-1"
    assert answered["1"] == "backend answered 200 request_id=r-1"
    assert listening["1"] == f"listening on 127.0.0.1:{clawdbot.port}"
    assert stopped["1"] == "stopped"
    assert {key: answered["_meta"][key] for key in ("logLevelId", "logLevelName", "runtime")} == {
        "logLevelId": 3, "logLevelName": "INFO", "runtime": "node",
    }  # fmt: skip
    assert answered["_meta"]["date"].endswith("Z")
    assert "secret" not in clawdbot.part.log.read_text()
