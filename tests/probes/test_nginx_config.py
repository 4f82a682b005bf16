"""The facts of a configuration: the sites of the lab, single lines and their inheritance, several servers."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opskit.app import bundle as bundles
from opskit.app.observe import job, observe
from opskit.lab.nginx import site as lab_site
from opskit.lab.nginx.certificates import issue_valid
from opskit.model.raw import Raw
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.nginx_config import Args, NginxConfigProbe
from tests.probes.nginx_read import CLAWDBOT, GATEWAY, accepted, site, told

SAMPLES = Path(__file__).parents[2] / "sample_logs"
WEAK = {
    "readable": False, "syntax_ok": False, "changed_since_start": True, "api_buffered": True, "chat_buffered": True,
    "api_gzip": True, "tls": False, "api_path_kept": False, "api_to_gateway": False, "chat_to_clawdbot": False,
    "upgrade_headers": False, "static_unserved": True, "rate_limited": True, "log_has_request_id": False,
    "log_has_upstream_times": False, "plain_http_served": True, "root_only": True,
}  # fmt: skip
CHAT = "location / { proxy_pass http://127.0.0.1:8080; }"
API = "location /v1/ { proxy_pass http://127.0.0.1:18789; }"


def is_weak(name: str, value: object) -> bool:
    return name in WEAK and WEAK[name] is value


def server(inside: str, listen: str = "listen 443 ssl;") -> str:
    return f"server {{ {listen}\n{inside}\n}}"


def render(folder: Path, **wanted: str) -> Path:
    lab_site.prepare(folder)
    ports = {"clawdbot": "127.0.0.1:8080", "gateway": "127.0.0.1:18789", **wanted}
    made = lab_site.Site(18080, 18443, **ports)  # type: ignore[arg-type]  # names of the Site's own fields
    lab_site.render(folder, made, issue_valid(folder, "chat.example.test").directory)
    return folder / "nginx.conf"


def test_every_weakness_of_the_reference_site_is_found_with_its_line(tmp_path: Path) -> None:
    path = render(tmp_path, profile="reference")
    assert accepted(tmp_path, path)
    found = told(path, url="https://127.0.0.1:18443/", access_log=f"{tmp_path}/logs/access.log")
    lines = (tmp_path / "sites-available" / "qwen3-prod").read_text().splitlines()
    proven = {
        name: lines[(found.evidence[name][0].line or 0) - 1].strip()
        for name, value in found.facts.items()
        if is_weak(name, value) or name in {"headers_lost", "api_read_timeout_s"}
    }
    static = r"location ~* \.(js|css|png|jpg|jpeg|gif|ico|svg)$ {"
    assert proven == {
        "api_buffered": "proxy_pass http://gateway_backend/;",
        "chat_buffered": "proxy_pass http://clawdbot_backend;",
        "api_read_timeout_s": "proxy_pass http://gateway_backend/;",
        "api_path_kept": "proxy_pass http://gateway_backend/;",
        "headers_lost": 'add_header Cache-Control "public, immutable";',
        "static_unserved": static,
        "log_has_request_id": f'access_log "{tmp_path}/logs/access.log";',
        "log_has_upstream_times": f'access_log "{tmp_path}/logs/access.log";',
    }
    assert (found.facts["headers_lost"], found.facts["api_read_timeout_s"]) == (1, 60.0)
    assert found.facts["api_passed_path"] == "/chat/completions"
    assert len(found.notes) == 9
    assert str(found.notes[0]) == (
        f"{tmp_path}/sites-enabled/qwen3-prod:49: Nginx holds streams back: set proxy_buffering off there"
    )


def test_the_recommended_site_has_no_weakness(tmp_path: Path) -> None:
    path = render(tmp_path, profile="recommended")
    assert accepted(tmp_path, path)
    found = told(path, url="https://127.0.0.1:18443/")
    assert {name for name, value in found.facts.items() if is_weak(name, value)} == set()
    assert found.notes == ()
    assert {name for name, value in found.facts.items() if value is None} == {"changed_since_start"}
    assert (found.facts["headers_lost"], found.facts["api_read_timeout_s"]) == (0, 600.0)
    assert (found.facts["api_upstream"], found.facts["chat_upstream"]) == ("127.0.0.1:18789", "127.0.0.1:8080")


# The lab's own faults of Nginx: the directives that a fault sets, and what is to be seen of it.
FAULTS = [
    ({"profile": "recommended", "location": "proxy_buffering on;"}, None),
    ({"location": "proxy_read_timeout 1s;"}, ("api_read_timeout_s", 1.0)),
    ({"server": "client_max_body_size 1k;"}, ("body_limit_bytes", 1024)),
    ({"api": "proxy_pass http://gateway_backend/api/;"}, ("api_passed_path", "/api/chat/completions")),
    ({"http": "limit_req_zone $server_name zone=chat:1m rate=1r/m;", "location": "limit_req zone=chat;"},
     ("rate_limited", True)),
    ({"root": "root html; index index.html;"}, ("root_only", True)),
    ({"gateway": "127.0.0.1:9"}, ("api_to_gateway", False)),
    ({"server": "no_such_directive on;"}, ("syntax_ok", False)),
    ({"server": "return 503;"}, ("refuses_status", 503)),
    ({"chat": "if ($request_method = POST) { return 503; }"}, ("refuses_status", 503)),
    ({"location": "deny all;"}, ("refuses_status", 403)),
    ({"chat": "limit_except GET { deny all; }"}, ("refuses_status", 403)),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "seen"), FAULTS)
def test_faults_of_the_lab_are_seen(tmp_path: Path, changes: dict[str, str], seen: tuple[str, object] | None) -> None:
    found = told(render(tmp_path, **changes), url="https://127.0.0.1:18443/")
    if seen is None:  # twice on the levels of one location, and so in the wrong place: the inner one counts
        assert (found.facts["api_buffered"], found.facts["chat_buffered"]) == (True, True)
        return
    name, value = seen
    assert found.facts[name] == value
    assert found.evidence[name][0].source.endswith("sites-enabled/qwen3-prod")
    assert any(str(note).startswith(found.evidence[name][0].where) for note in found.notes)


SNIPPETS = [
    # Levels: what is set further inside counts.
    ("proxy_buffering off;", CHAT + API, {"api_buffered": False, "chat_buffered": False}),
    ("proxy_buffering off;", CHAT + "location /v1/ { proxy_buffering on; proxy_pass http://127.0.0.1:18789; }",
     {"api_buffered": True, "chat_buffered": False}),
    ("proxy_read_timeout 10m;", CHAT + "location /v1/ { proxy_read_timeout 1h30m; proxy_pass http://127.0.0.1:18789; }",
     {"api_read_timeout_s": 5400.0, "chat_read_timeout_s": 600.0}),
    ("proxy_read_timeout 1500ms;", CHAT + API, {"api_read_timeout_s": 1.5}),
    ("", "client_max_body_size 0;" + CHAT + API, {"body_limit_bytes": -1, "body_limit_chat_bytes": -1}),
    ("client_max_body_size 20M;", CHAT + API, {"body_limit_bytes": 20 << 20}),
    ("", CHAT + API, {"body_limit_bytes": 1 << 20, "request_buffered": True, "api_gzip": False, "tls": True}),
    # Compression of streams only.
    ("gzip on;", CHAT + API, {"api_gzip": False}),
    ("gzip on; gzip_types text/css TEXT/EVENT-STREAM;", CHAT + API, {"api_gzip": True}),
    ("gzip on; gzip_types *;", CHAT + "location /v1/ { gzip off; proxy_pass http://127.0.0.1:18789; }",
     {"api_gzip": False}),
    ("gzip_types *;", CHAT + API, {"api_gzip": False}),
    # Limits; on trial they refuse nobody.
    ("limit_conn_zone $server_name zone=a:1m; limit_conn a 9;", CHAT + API, {"rate_limited": True}),
    ("limit_req_zone $server_name zone=a:1m rate=1r/s; limit_req zone=a; limit_req_dry_run on;", CHAT + API,
     {"rate_limited": False}),
    # A WebSocket needs three things, and a header of its own drops those of the levels around it.
    ("", CHAT + API, {"upgrade_headers": False}),
    ("", "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;" + CHAT,
     {"upgrade_headers": True}),
    ("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
     "location / { proxy_set_header Host $host; proxy_pass http://127.0.0.1:8080; }", {"upgrade_headers": False}),
    ("", "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;" + CHAT,
     {"upgrade_headers": False}),
    ("map $http_upgrade $c { default upgrade; '' close; }",
     "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c;" + CHAT,
     {"upgrade_headers": True}),
    ("map $http_upgrade $c { default close; }",
     "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c;" + CHAT,
     {"upgrade_headers": False}),
    ("map $host $c { default upgrade; }",
     "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c;" + CHAT,
     {"upgrade_headers": None}),
    ("", CHAT + "location /ws { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
     "proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:8080; }", {"upgrade_headers": None}),
    # Where it leads.
    ("", CHAT + "location /v1/ { proxy_pass http://localhost:18789; }", {"api_to_gateway": True}),
    ("", CHAT + "location /v1/ { proxy_pass http://[::1]:18789; }",
     {"api_to_gateway": True, "api_upstream": "[::1]:18789"}),
    ("upstream g { server 127.0.0.1:1 down; server 127.0.0.1:18789; }", CHAT + "location /v1/ { proxy_pass http://g; }",
     {"api_to_gateway": True, "api_upstream": "127.0.0.1:18789"}),
    ("upstream g { server 127.0.0.1:1; server 127.0.0.1:18789; }", CHAT + "location /v1/ { proxy_pass http://g/v1/; }",
     {"api_to_gateway": True, "api_upstream": None, "api_path_kept": True}),
    ("upstream g { server unix:/run/g.sock; }", CHAT + "location /v1/ { proxy_pass http://g; }",
     {"api_to_gateway": None, "api_upstream": "unix:/run/g.sock"}),
    ("", CHAT + "location /v1/ { proxy_pass http://unix:/run/g.sock:/; }",
     {"api_upstream": "unix:/run/g.sock", "api_passed_path": "/chat/completions"}),
    ("", CHAT + "location /v1/ { proxy_pass http://10.9.8.7:18789; }", {"api_to_gateway": None}),
    ("", CHAT + "location /v1/ { proxy_pass http://127.0.0.1:9; }", {"api_to_gateway": False}),
    ("map $host $up { default 127.0.0.1:18789; }", CHAT + "location /v1/ { proxy_pass http://$up; }",
     {"api_to_gateway": None, "api_upstream": None, "api_passed_path": "/v1/chat/completions", "api_buffered": True}),
    ("", CHAT, {"api_to_gateway": None, "api_buffered": None, "chat_to_clawdbot": True, "rate_limited": False}),
    # Who answers.
    ("", API, {"root_only": True, "chat_to_clawdbot": None, "static_unserved": False}),
    ("", API + "location / { return 200 'hello'; }", {"root_only": True}),
    ("", API + "location = / { return 302 /chat/; } location /chat/ { proxy_pass http://127.0.0.1:8080; }",
     {"root_only": False, "chat_to_clawdbot": True}),
    ("", API + "location / { return 302 https://login.example.com/; }", {"root_only": None}),
    ("", API + "location / { fastcgi_pass 127.0.0.1:9000; }", {"root_only": None}),
    ("", CHAT + r"location ~ \.js$ { root /srv/chat; }", {"static_unserved": False}),
    ("root /srv;", CHAT + r"location ~ \.js$ { expires 1y; }", {"static_unserved": False}),
    ("", CHAT + r"location ~ \.css$ { expires 1y; }", {"static_unserved": True}),
    ("", CHAT + r"location ~ \.css$ { error_page 404 = @app; } location @app { proxy_pass http://127.0.0.1:8080; }",
     {"static_unserved": False}),
    ("", CHAT + r"location ~ \.svg$ { expires 1y; }", {"static_unserved": False}),
    # Headers.
    ("", "add_header X-Frame-Options DENY;" + CHAT + "location /a { add_header A 1; } location /b { add_header B 1; }",
     {"headers_lost": 2}),
    ("add_header X-Frame-Options DENY;", CHAT + "location /a { add_header x-frame-options DENY; add_header X-A 1; }",
     {"headers_lost": 0}),
    ("", CHAT + "location /a { add_header X-A 1; }", {"headers_lost": 0}),
    ("", "add_header X-Frame-Options DENY;" + CHAT + "location /a { location /a/b { add_header X-A 1; } }",
     {"headers_lost": 1}),
    # The log.
    ("log_format a '$remote_addr' ' $request_id'; access_log /dev/null a;", CHAT + API,
     {"log_has_request_id": True, "log_has_upstream_times": False}),
    ("log_format a escape=json '{\"t\":\"${upstream_response_time}\"}'; access_log /dev/null a;", CHAT + API,
     {"log_has_request_id": False, "log_has_upstream_times": True}),
    ("log_format a '$request_id'; access_log /dev/null a;", "access_log off;" + CHAT + API,
     {"log_has_request_id": False}),
    ("", CHAT + API, {"log_has_request_id": False}),
    # A condition that nobody knows decides about one thing and leaves the others.
    ("", CHAT + "location /v1/ { if ($http_x) { gzip on; } proxy_pass http://127.0.0.1:18789; }",
     {"api_gzip": None, "api_buffered": True}),
    # Who has a fitting address, a password or another name for the page gets in: nobody is turned away as such.
    ("", "allow 10.0.0.0/8; deny all;" + CHAT + API, {"refuses_status": 0}),
    ("", "satisfy any; deny all; auth_basic x; auth_basic_user_file /dev/null;" + CHAT + API, {"refuses_status": 0}),
    ("deny all;", "allow all;" + CHAT + API, {"refuses_status": 0}),
    ("", "return 301 https://chat.example.test$request_uri;" + CHAT + API, {"refuses_status": 0}),
    ("", "if ($http_x) { return 503; }" + CHAT + API, {"refuses_status": 0}),
    ("", CHAT + "location /v1/ { if ($http_x_api_key = '') { return 401; } proxy_pass http://127.0.0.1:18789; }",
     {"api_buffered": True, "api_to_gateway": True}),
]  # fmt: skip


@pytest.mark.parametrize(("http", "inside", "expected"), SNIPPETS)
def test_facts(tmp_path: Path, http: str, inside: str, expected: dict[str, object]) -> None:
    pair = issue_pair(tmp_path)
    path = site(tmp_path, http + pair + server(inside))
    assert accepted(tmp_path, path)
    found = told(path)
    assert {name: found.facts[name] for name in expected} == expected
    assert all(found.reason(name) for name, value in found.facts.items() if value is None)
    weak = {name for name, value in found.facts.items() if is_weak(name, value)}
    assert weak <= set(found.evidence)
    assert all(row.line for name in weak for row in found.evidence[name])


_PAIR: list[Path] = []


def issue_pair(folder: Path) -> str:
    if not _PAIR:
        _PAIR.append(issue_valid(folder, "chat.example.test").directory)
    return f"ssl_certificate {_PAIR[0]}/fullchain.pem; ssl_certificate_key {_PAIR[0]}/privkey.pem;\n"


PLAIN = "listen 80;"
NAMED = "listen 443 ssl; server_name chat.example.com;"
SERVERS = [
    (server("return 301 https://$host$request_uri;", PLAIN) + server(CHAT), {"plain_http_served": False, "tls": True}),
    (server(CHAT, PLAIN) + server(CHAT), {"plain_http_served": True, "tls": True}),
    (server(CHAT, "listen 80; listen 443 ssl;"), {"plain_http_served": True}),
    (server("if ($scheme = http) { return 301 https://$host$request_uri; }" + CHAT, "listen 80; listen 443 ssl;"),
     {"plain_http_served": False}),
    (server("if ($host = x.example.com) { return 301 https://$host$request_uri; } return 404;", PLAIN) + server(CHAT),
     {"plain_http_served": False}),
    (server("location / { return 301 https://$host$request_uri; }" + API, PLAIN) + server(CHAT),
     {"plain_http_served": True}),
    (server(CHAT, "listen 127.0.0.1:80;") + server(CHAT), {"plain_http_served": False}),
    (server(CHAT + API, PLAIN), {"tls": False, "plain_http_served": True, "chat_to_clawdbot": True}),
    # The default one is there for strangers.
    (server("return 444;", "listen 443 ssl default_server; server_name _;") + server(CHAT + API, NAMED),
     {"chat_to_clawdbot": True, "api_to_gateway": True, "root_only": False}),
    (server("root /srv/www;", "listen 443 ssl; server_name www.example.com;") + server(CHAT + API, NAMED),
     {"chat_to_clawdbot": True, "root_only": False}),
    # The API at a name of its own.
    (server(CHAT, NAMED) + server("location / { proxy_pass http://127.0.0.1:18789; }",
                                  "listen 443 ssl; server_name api.example.com;"),
     {"chat_to_clawdbot": True, "api_to_gateway": True, "api_path_kept": True}),
    # Nobody knows which of them it is.
    (server("location / { proxy_pass http://127.0.0.1:1; }", NAMED)
     + server("location / { proxy_pass http://127.0.0.1:2; }", "listen 443 ssl; server_name b.example.com;"),
     {"chat_to_clawdbot": None, "api_to_gateway": None, "chat_buffered": None}),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "expected"), SERVERS)
def test_the_server_of_the_chat_is_found(tmp_path: Path, inside: str, expected: dict[str, object]) -> None:
    found = told(site(tmp_path, issue_pair(tmp_path) + inside))
    assert {name: found.facts[name] for name in expected} == expected


def test_the_name_in_the_url_settles_which_server_it_is(tmp_path: Path) -> None:
    elsewhere = "location / { proxy_pass http://127.0.0.1:1; }"
    path = site(tmp_path, server(CHAT, "listen 443 ssl; server_name other.example.com;") + server(elsewhere, NAMED))
    assert told(path, url="https://chat.example.com/").facts["chat_to_clawdbot"] is False
    assert told(path, url="https://other.example.com/").facts["chat_to_clawdbot"] is True
    assert told(path).facts["chat_to_clawdbot"] is True


def test_keys_and_texts_are_not_kept(tmp_path: Path) -> None:
    secret = "s3cr3tvalue"
    inside = server(
        f"location / {{ proxy_set_header X-Api-Key {secret}; proxy_set_header Authorization 'Basic {secret}'; "
        f"add_header X-Token {secret}; if ($http_x_api_key != {secret}) {{ return 403 'not {secret}'; }} "
        f"proxy_pass http://u:{secret}@127.0.0.1:8080; set $k {secret}; auth_basic {secret}; }}"
        f"return 302 /login?key={secret};"
    )
    path = site(tmp_path, f"map $http_x_api_key $ok {{ {secret} 1; }} {inside}")
    args = Args(str(path), "https://127.0.0.1/", GATEWAY, CLAWDBOT)
    (raw,) = NginxConfigProbe().collect(args, Deadline(10))
    assert secret.encode() not in raw.data
    assert b"X-Api-Key" in raw.data


def test_a_bundle_without_the_file_is_unreadable_and_nothing_worse(tmp_path: Path) -> None:
    folder = tmp_path / "older"
    shutil.copytree(SAMPLES / "control-healthy", folder)
    manifest = json.loads((folder / "manifest.yaml").read_text())
    manifest["files"] = [entry for entry in manifest["files"] if entry["key"] != "nginx-config"]
    (folder / "manifest.yaml").write_text(json.dumps(manifest))
    bundle = bundles.read(folder)
    asked = job("nginx_config", "nginx_config", {}, 5.0, bundle.settings(Settings()), "test")
    ((_, found),) = observe([asked], bundle)
    assert found.unreadable is not None
    assert "internal error" not in str(found.unreadable)


def test_what_was_collected_is_read_the_same_from_its_bytes(tmp_path: Path) -> None:
    path = site(tmp_path, server(CHAT + API))
    args, probe = Args(str(path), "https://127.0.0.1/", GATEWAY, CLAWDBOT), NginxConfigProbe()
    (raw,) = probe.collect(args, Deadline(10))
    again = Raw(raw.name, json.dumps(json.loads(raw.data)).encode(), raw.origin)
    now = datetime.now(UTC)
    assert probe.read([again], args, now) == probe.read([raw], args, now)
    with pytest.raises(ProbeError):
        probe.read([], args, now)
