"""The way of a request through a configuration, held against what the real Nginx does with the same request."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.lab.ports import free_ports
from opskit.probes.base import Deadline
from opskit.probes.nginx_config_condition import Request
from opskit.probes.nginx_config_files import Files
from opskit.probes.nginx_config_level import DoubtError
from opskit.probes.nginx_config_route import route
from opskit.probes.nginx_config_server import Server, http_of, servers_of
from opskit.probes.nginx_config_target import path_passed
from tests.lab.part_process import eventually
from tests.probes.nginx_read import running, site

PATHS = (
    "/v1/chat/completions",
    "/",
    "/api/chat",
    "/ws",
    "/app.js",
    "/v1/",
    "/V1/APP.JS",
    "/chat/v2/x.js",
    "/a/b/c",
)
TO = "proxy_pass http://127.0.0.1:PORT"
SITES = {
    "slash": "location / { TO; } location /v1/ { TO/; }",
    "no-slash-at-the-end-of-the-location": "location / { TO; } location /v1 { TO/; }",
    "other-path": "location / { TO; } location /v1/ { TO/api/v1/; }",
    "kept": "location / { TO; } location /v1/ { TO; }",
    "kept-by-repeating": "location / { TO; } location /v1/ { TO/v1/; }",
    "exact": "location = / { return 204; } location / { TO/root; } location = /v1/chat/completions { TO/exact; }",
    "longest": "location / { TO; } location /v1/chat/ { TO/long/; } location /v1/ { TO/short/; }",
    "pattern-before-prefix": r"location /v1/ { TO/; } location ~ ^/v1/chat { TO; } location / { return 204; }",
    "no-pattern-after-prefix": r"location ^~ /v1/ { TO/; } location ~ ^/v1/chat { TO; } location / { return 204; }",
    "first-pattern": r"location ~* \.js$ { return 201; } location ~ ^/v1 { TO; } location ~ chat { return 202; }",
    "glued": r"location =/ws { return 201; } location ~*\.js$ { return 202; } location ^~/chat/ { TO/glued/; }",
    "nested":
        r"location / { TO; location /v1/ { TO/in/; location ~ \.JS$ { return 201; } } location ~ ws { return 202; } }",
    "nested-in-pattern": r"location ~ ^/v1 { return 201; location ~ chat { TO; } } location / { TO; }",
    "nested-pattern-before-outer":
        r"location /v1/ { return 201; location ~ chat { return 202; } } location ~ ^/v1 { TO; }",
    "not-inherited":
        "location /v1/ { TO; location /v1/chat/ { return 201; } location /v1/x/ { } } location / { TO; }",
    "rewrite-break": "location /v1/ { rewrite ^/v1/(.*)$ /$1 break; TO; } location / { TO; }",
    "rewrite-break-with-path": "location /v1/ { rewrite ^/v1/(.*)$ /b/$1 break; TO/ignored/; } location / { TO; }",
    "rewrite-last":
        "location /v1/ { rewrite ^/v1/(.*)$ /api/$1 last; TO; } location /api/ { TO/last/; } location / { TO; }",
    "rewrite-of-the-server": "rewrite ^/v1/(?<rest>.*)$ /api/$1; location /api/ { TO/server/; } location / { TO; }",
    "rewrite-elsewhere": "location /v1/ { rewrite ^ http://127.0.0.1/other; } location / { TO; }",
    "break": "location /v1/ { break; rewrite ^ /never; TO; } location / { TO; }",
    "try-named":
        "location / { try_files /none @app; } location @app { TO; } location /v1/ { try_files /none =404; }",
    "try-path": "location / { try_files /none /v1/index; } location /v1/ { TO/tried/; }",
    "if-method": "location / { if ($request_method = POST) { return 201; } TO; }",
    "if-not": "location / { if ($request_method !~ ^(GET|HEAD)$) { return 201; } TO; }",
    "if-scheme": "if ($scheme = https) { return 201; } if ($https) { return 202; } location / { TO; }",
    "if-passes": 'location / { if ($request_uri ~* "^/v1/") { TO; } TO; }',
    "if-rewrites": "location / { if ($uri ~ ^/v1/) { rewrite ^/v1(.*)$ /if$1 break; } TO; }",
    "if-nothing": 'location / { if ($https = "") { return 201; } TO; }',
    "return-of-the-server": "return 201; location / { TO; }",
    "request-uri": "location / { TO$request_uri; }",
    "group": "location / { TO; } location /v1/ { proxy_pass http://echo/group/; }",
    "quoted": "location \"/v1/\" { proxy_pass 'http://127.0.0.1:PORT/q/'; } location / { TO; }",
}  # fmt: skip


class Tried:
    """The sites in one Nginx, each under its name; `echo` answers with the path that it gets."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports()
        self.port = ports.http
        servers = [
            f"server {{ listen 127.0.0.1:{self.port}; server_name {name}.test; root {folder}/none; "
            + text.replace("TO", TO).replace("PORT", str(ports.gateway))
            + " }"
            for name, text in SITES.items()
        ]
        echo = f"server {{ listen 127.0.0.1:{ports.gateway}; return 200 '$request_uri'; }}"
        group = f"upstream echo {{ server 127.0.0.1:{ports.gateway}; }}"
        self.path = site(folder, "\n".join(("access_log off;", group, *servers, echo)))
        files = Files(str(self.path), Deadline(30))
        files.read()
        assert not files.config.faults
        http = http_of(files.config)
        assert http is not None
        self.servers: dict[str, Server] = {each.names[0]: each for each in servers_of(http) if each.names}

    def really(self, name: str, path: str, method: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"Host": f"{name}.test"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status == 200:
            return f"passed {text}"
        return "files" if answer.status in {404, 403, 405} else "answered"

    def read(self, name: str, path: str, method: str) -> str:
        found = route(self.servers[f"{name}.test"].level, Request(path, method, "http", f"{name}.test"))
        return f"passed {path_passed(found, path)}" if found.kind == "passed" else found.kind


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("nginx")
    found = Tried(folder)
    with running(folder, found.path):
        eventually(lambda: _answers(found))
        yield found


def _answers(tried: Tried) -> bool:
    try:
        return bool(tried.really("kept", "/", "GET"))
    except OSError:
        return False


@pytest.mark.parametrize("name", SITES)
def test_requests_go_where_nginx_sends_them(tried: Tried, name: str) -> None:
    asked = [(path, "POST" if path.startswith("/v1/") else "GET") for path in PATHS]
    really = {path: tried.really(name, path, method) for path, method in asked}
    assert {path: tried.read(name, path, method) for path, method in asked} == really


DOUBTS = [
    ("location / { if ($cookie_x) { proxy_pass http://127.0.0.1:1; } }", "it depends on the condition at"),
    ("location / { rewrite ^ $uri$arg_x; }", "it depends on a variable at"),
    ("location / { rewrite ^/(.*)$ /$1 last; }", "/ is rewritten again and again"),
    (
        "location / { try_files $uri $uri/ @app; } location @app { proxy_pass http://127.0.0.1:1; }",
        "it depends on files",
    ),
    ("location / { try_files /a @b; } location @b { try_files /a @b; }", "/ is rewritten again and again"),
    ("location / { try_files /a @none; }", "no location is called @none"),
    ("location ~ (a+)+$ { return 200; }", "the expression (a+)+$ cannot be applied here"),
    (r"location ~ \x{100}[[:alpha:]] { return 200; }", "cannot be applied here"),
    ("location / { content_by_lua_block { ngx.say('}') } }", "it depends on the program at"),
    ("location / { rewrite_by_lua_file /x; }", "it depends on the program at"),
    ("include missing.conf; location / { return 200; }", "missing.conf could not be read: No such file or directory"),
]


@pytest.mark.parametrize(("text", "said"), DOUBTS)
def test_what_the_configuration_does_not_tell_is_not_told(tmp_path: Path, text: str, said: str) -> None:
    files = Files(str(site(tmp_path, f"server {{ {text} }}")), Deadline(10))
    files.read()
    http = http_of(files.config)
    assert http is not None
    with pytest.raises(DoubtError) as doubt:
        route(servers_of(http)[0].level, Request("/"))
    assert said in str(doubt.value)
