"""The real Nginx before the chain: what the two sites do, and what it logs where something fails behind it."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from typing import Any

import pytest

from opskit.lab.nginx.site import Profile
from opskit.lab.stack import Stack
from opskit.lab.users import ask
from tests.lab.part_process import eventually
from tests.lab.running_lab import take_out


@pytest.fixture
def site(lab: Stack) -> Stack:
    """The lab with its logs empty."""
    lab.clear_logs()
    return lab


def get(stack: Stack, path: str) -> http.client.HTTPResponse:
    """What a browser gets."""
    trusting = ssl.create_default_context(cafile=str(stack.plan.ca_file))
    connection = http.client.HTTPSConnection("127.0.0.1", stack.plan.ports.https, timeout=10, context=trusting)
    try:
        connection.request("GET", path)
        return connection.getresponse()
    finally:
        connection.close()


def seen_by_the_gateway(stack: Stack) -> dict[str, Any]:
    """The first line of its log."""
    line: dict[str, Any] = json.loads(eventually(stack.plan.logs["gateway"].read_text).splitlines()[0])
    return line


@pytest.mark.parametrize(("profile", "in_one_burst"), [("reference", True), ("recommended", False)])
def test_only_the_recommended_site_streams(site: Stack, profile: Profile, in_one_burst: bool) -> None:
    site.change({"nginx": {"profile": profile}, "ollama": {"token_delay_seconds": 0.05}}, [])
    noticed = ask(site.plan, 1, "api", patience=20)
    assert noticed.status == 200
    assert noticed.first_s is not None
    assert noticed.total_s > 0.5
    assert (noticed.first_s > 0.8 * noticed.total_s) is in_one_burst


@pytest.mark.parametrize(
    ("profile", "path"), [("reference", "/chat/completions"), ("recommended", "/v1/chat/completions")]
)
def test_what_path_the_gateway_sees(site: Stack, profile: Profile, path: str) -> None:
    site.change({"nginx": {"profile": profile}}, [])
    assert ask(site.plan, 1, "api").status == 200
    assert seen_by_the_gateway(site)["path"] == path


def test_the_reference_site_loses_headers_and_files_in_the_static_location(site: Stack) -> None:
    page, script = get(site, "/"), get(site, "/app.js")
    assert (page.status, page.headers["X-Frame-Options"]) == (200, "DENY")
    assert script.status == 404
    assert script.headers["X-Frame-Options"] is None
    site.change({"nginx": {"profile": "recommended"}}, [])
    assert get(site, "/app.js").headers["X-Frame-Options"] == "DENY"


def test_the_recommended_log_has_the_id_that_the_gateway_logs(site: Stack) -> None:
    site.change({"nginx": {"profile": "recommended"}}, [])
    assert ask(site.plan, 1).status == 200
    line = eventually(site.plan.logs["nginx"].read_text)
    match = re.search(r' rid=([0-9a-f]{32}) msec=[\d.]+ rt=[\d.]+ uct="[\d.]+" uht="[\d.]+" .* us="200" ', line)
    assert match, line
    assert seen_by_the_gateway(site)["request_id"] == match[1]


def test_a_read_timeout_ends_in_504_and_an_upstream_that_is_gone_in_502(site: Stack) -> None:
    errors = site.plan.logs["nginx-error"]
    site.change({"nginx": {"location": "proxy_read_timeout 1s;"}}, [])
    site.freeze("gateway")
    assert ask(site.plan, 1, "api").status == 504
    assert "upstream timed out (110: " in errors.read_text()
    site.thaw()
    site.stop("gateway")
    assert ask(site.plan, 1, "api").status == 502
    assert "connect() failed (111: " in errors.read_text()


@pytest.mark.parametrize(("level", "told"), [("error", False), ("info", True)])
def test_a_client_that_leaves_shows_at_level_info_only(site: Stack, level: str, told: bool) -> None:
    site.change({"nginx": {"error_level": level}}, [])
    site.freeze("gateway")
    assert ask(site.plan, 1, "api", leave_after=0.3).outcome == "wait"
    eventually(lambda: " 499 " in site.plan.logs["nginx"].read_text(), "nobody left")
    assert ("client prematurely closed connection" in site.plan.logs["nginx-error"].read_text()) is told


def test_a_site_that_it_refuses_leaves_the_one_before_at_work(site: Stack) -> None:
    site.change({"nginx": {"server": "no_such_directive on;"}}, [])
    refused = 'unknown directive "no_such_directive"'
    eventually(lambda: refused in site.plan.logs["nginx-error"].read_text(), "it took it over")
    assert ask(site.plan, 1).status == 200
    take_out(site)
    assert ask(site.plan, 1).status == 200
