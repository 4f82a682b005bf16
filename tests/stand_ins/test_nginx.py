"""Real nginx in front of the scripted parts: what the two profiles do, and how nginx itself fails."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tests.stand_ins.client import Answer, send
from tests.stand_ins.nginx import Nginx, NginxSettings
from tests.stand_ins.process import free_ports
from tests.stand_ins.stack import API_KEY, MODEL, Stack

Profile = Literal["reference", "recommended"]


def settings(certificate_days: float = 60) -> NginxSettings:
    """An nginx with nobody behind it."""
    http, https, clawdbot, gateway = free_ports(4)
    return NginxSettings(http, https, clawdbot, gateway, certificate_days=certificate_days)


def stream(stack: Stack) -> Answer:
    """A streamed answer of seven tokens in about 0.6 s, through Nginx and the gateway."""
    stack.control["ollama"].set(token_delay_s=0.1)
    question = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    url = f"{stack.nginx.url}v1/chat/completions"
    return send("POST", url, question, {"X-Api-Key": API_KEY}, stack.nginx.ca_file)


@pytest.mark.parametrize(("profile", "in_one_burst"), [("reference", True), ("recommended", False)])
def test_only_the_recommended_site_streams(tmp_path: Path, profile: Profile, in_one_burst: bool) -> None:
    with Stack(tmp_path, profile=profile) as stack:
        answer = stream(stack)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert (answer.pieces[0][0] > 0.5) is in_one_burst


@pytest.mark.parametrize(
    ("profile", "path"), [("reference", "/chat/completions"), ("recommended", "/v1/chat/completions")]
)
def test_what_path_the_gateway_sees(tmp_path: Path, profile: Profile, path: str) -> None:
    with Stack(tmp_path, profile=profile) as stack:
        assert stack.api().status == 200
        assert json.loads(stack.gateway_log.read_text().splitlines()[0])["path"] == path


def test_the_reference_site_loses_headers_and_files_in_the_static_location(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        ca = stack.nginx.ca_file
        page, script = send("GET", stack.nginx.url, ca_file=ca), send("GET", f"{stack.nginx.url}app.js", ca_file=ca)
        assert (page.status, page.headers["x-frame-options"]) == (200, "DENY")
        assert script.status == 404
        assert "x-frame-options" not in script.headers
        moved = send("GET", f"http://127.0.0.1:{stack.http_port}/x")
        assert (moved.status, moved.headers["location"]) == (301, f"https://127.0.0.1:{stack.https_port}/x")


def test_the_recommended_log_has_the_id_that_the_gateway_logs(tmp_path: Path) -> None:
    with Stack(tmp_path, profile="recommended") as stack:
        stack.chat()
        stack.stop("nginx")
        line = stack.nginx.access_log.read_text()
        match = re.search(r' rid=([0-9a-f]{32}) msec=[\d.]+ rt=[\d.]+ uct="[\d.]+" uht="[\d.]+" .* us="200" ', line)
        assert match
        assert json.loads(stack.gateway_log.read_text().splitlines()[0])["request_id"] == match[1]


def test_a_read_timeout_ends_in_504_and_an_upstream_that_is_gone_in_502(tmp_path: Path) -> None:
    with Stack(tmp_path, read_timeout="1s") as stack:
        stack.control["gateway"].set(hang=True)
        assert stack.api().status == 504
        assert "upstream timed out (110: " in stack.nginx.error_log.read_text()
        stack.stop("gateway")
        assert stack.api().status == 502
        assert "connect() failed (111: " in stack.nginx.error_log.read_text()


def test_a_client_that_leaves_shows_at_level_info_only(tmp_path: Path) -> None:
    with Stack(tmp_path, error_level="info") as stack:
        stack.control["gateway"].set(hang=True)
        assert stack.api(timeout=0.3).status == 0
        stack.stop("nginx")
        assert " 499 " in stack.nginx.access_log.read_text()
        assert "client prematurely closed connection" in stack.nginx.error_log.read_text()


def test_reload_takes_over_the_other_profile(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.nginx.write_configuration(replace(stack.nginx.settings, profile="recommended"))
        stack.nginx.reload()
        stack.api()
        assert '"path": "/v1/chat/completions"' in stack.gateway_log.read_text()
        stack.nginx.site.write_text("nonsense\n")
        with pytest.raises(RuntimeError, match="unexpected end of file"):
            stack.nginx.reload()
        assert stack.api().status == 200


def test_a_broken_site_raises_with_nginxs_words(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, settings())
    nginx.site.write_text("server { nonsense; }\n")
    with pytest.raises(RuntimeError, match='unknown directive "nonsense"'):
        nginx.start()


def test_a_client_without_the_authority_does_not_connect(tmp_path: Path) -> None:
    with Nginx(tmp_path, settings()) as nginx:
        assert "CERTIFICATE_VERIFY_FAILED" in (send("GET", nginx.url).error or "")
    expired = Nginx(tmp_path / "expired", settings(certificate_days=-3))
    with expired:
        assert "certificate has expired" in (send("GET", expired.url, ca_file=expired.ca_file).error or "")
