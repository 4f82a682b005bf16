"""Files of a configuration that are missing, closed, broken, endless or hostile; and whether Nginx has read them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil
import pytest

from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.probes.answer import pack
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.nginx_config import Args, NginxConfigProbe
from opskit.probes.nginx_config_binary import Program
from opskit.probes.nginx_config_evidence import Config, Directive, Fault, File, Running
from opskit.probes.nginx_config_files import Files
from tests.lab.part_process import eventually
from tests.probes.asking import as_nobody
from tests.probes.nginx_read import accepted, running, site, told

SITE = "server { listen 8089; location / { proxy_pass http://127.0.0.1:8080; } }"

MISTAKES = [
    ("server { location / { proxy_buffering off proxy_read_timeout 9s; } }", "invalid number of arguments"),
    ("server { listen 8089 }", 'directive "listen" is not terminated by ";"'),
    ("server { listen 8089; ", 'unexpected end of file, expecting "}"'),
    ("server { listen 8089; } }", 'unexpected "}"'),
    ("server { gzip maybe; }", 'invalid value "maybe"'),
    ("server { upstream x { server 127.0.0.1:1; } }", '"upstream" directive is not allowed here'),
    ("server { ; }", 'unexpected ";"'),
    ("server { proxy_bufering off; }", 'unknown directive "proxy_bufering"'),
    ("include LOOP;", "includes itself"),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "said"), MISTAKES)
def test_a_mistake_that_nginx_refuses_is_named_with_its_place(tmp_path: Path, inside: str, said: str) -> None:
    path = site(tmp_path, inside.replace("LOOP", str(tmp_path / "nginx.conf")))
    assert not accepted(tmp_path, path)
    found = told(path)
    assert found.facts["syntax_ok"] is False
    assert said in str(found.why["syntax_ok"])
    assert found.evidence["syntax_ok"][0].source == str(path)
    assert str(found.notes[0]).startswith(f"{path}:")
    assert "cannot load it" in str(found.why["api_buffered"])
    assert {value for name, value in found.facts.items() if name not in {"readable", "syntax_ok"}} == {None}


def test_a_newer_directive_is_no_mistake_and_an_unknown_one_a_doubt(tmp_path: Path) -> None:
    path = site(tmp_path, SITE)
    files = Files(str(path), Deadline(10))
    files.read()
    args, now = Args(str(path)), datetime.now(UTC)
    strange = msgspec.structs.replace(files.config, strange=[Fault(str(path), 2, "brotli")])
    found = NginxConfigProbe().read([pack("nginx-config.json", strange, "x")], args, now)
    assert found.facts["syntax_ok"] is None
    assert f"the directive brotli ({path}:2)" in str(found.why["syntax_ok"])
    path.write_text(path.read_text().replace("listen 8089;", "listen 8089; http2 on; http3 on; keepalive_time 1h;"))
    assert told(path).facts["syntax_ok"] is True


def test_the_program_file_tells_its_version_and_what_it_knows() -> None:
    program = Program([])
    assert program.version.count(".") == 2
    rows = [Fault("x", 1, name) for name in ("proxy_pass", "no_such_directive")]
    assert [row.text for row in program.refused(rows)] == ["no_such_directive"]
    assert Program(["modules/no_such_module.so"]).refused(rows) == []


@pytest.mark.parametrize("level", ["http", "server", "location"])
def test_what_stands_in_a_missing_file_is_not_known(tmp_path: Path, level: str) -> None:
    texts = dict.fromkeys(("http", "server", "location"), "") | {level: "include gone.conf;"}
    inside = (
        f"{texts['http']} server {{ listen 8089; {texts['server']} location / {{ {texts['location']} "
        "proxy_read_timeout 5s; proxy_pass http://127.0.0.1:8080; } }"
    )
    found = told(site(tmp_path, inside))
    assert found.facts["readable"] is False
    assert found.evidence["readable"][0].source == f"{tmp_path}/gone.conf"
    assert found.facts["syntax_ok"] is None
    assert found.facts["chat_buffered"] is None
    assert "gone.conf could not be read: No such file or directory" in str(found.why["chat_buffered"])
    known = 5.0 if level == "http" else None  # locations and conditions may stand in what the others include
    assert found.facts["chat_read_timeout_s"] == known


def test_the_file_of_a_site_alone_is_read_and_what_http_says_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "qwen3-prod"
    path.write_text(SITE.replace("proxy_pass", "proxy_buffering off; proxy_pass"))
    found = told(path)
    assert (found.facts["syntax_ok"], found.facts["chat_buffered"], found.facts["chat_to_clawdbot"]) == (
        True,
        False,
        True,
    )
    assert "http could not be read: it stands in another file" in str(found.why["chat_read_timeout_s"])


def loop(folder: Path) -> str:
    (folder / "d").mkdir()
    (folder / "d" / "a.conf").write_text("include d/../d/*.conf;")
    return "include d/*.conf;"


def bomb(folder: Path) -> str:
    for number in range(30):
        (folder / f"{number}.conf").write_text(f"include {number + 1}.conf; include {number + 1}.conf;\n")
    (folder / "30.conf").write_text("gzip on;")
    return "include 0.conf;"


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return "include pipe;"


def large(folder: Path) -> str:
    with (folder / "large").open("wb") as file:
        file.truncate(5 << 20)
    return "include large;"


def many(folder: Path) -> str:
    (folder / "m").mkdir()
    for number in range(400):
        (folder / "m" / f"{number}").write_text("")
    return "include m/*;"


def folder_among_files(folder: Path) -> str:
    (folder / "m" / "n").mkdir(parents=True)
    return "include m/*;"


FOLDERS = [loop, bomb, pipe, large, many, folder_among_files]
TEXTS = [
    "location " * 3000 + "{" * 3000 + "}" * 3000,
    "server " + "{ server " * 3000,
    "server { location / { " * 60 + "} } " * 60,
    "include a\0b;",
    "include " + "x" * 5000 + ";",
    "'" * 9,
    "map $a $b { " + "x y; " * 50_000 + "}" + SITE,
    "server_name \x1b[31m\u202e;" + SITE,
    "server { listen 99999999999999999999; location ~ ((((((a*)*)*)*)*)*)b { return 200; } }",
    "server { client_max_body_size 99999999999999999999g; location / { proxy_pass http://[; } }",
]


def sensible(found: Reading) -> bool:
    """Whether all that is not known is explained, and what is wrong is not passed over."""
    explained = all(found.reason(name) for name, value in found.facts.items() if value is None)
    return explained and (found.facts["readable"] is False or found.facts["syntax_ok"] is not None)


@pytest.mark.parametrize("make", FOLDERS)
def test_hostile_files_are_read_or_refused(tmp_path: Path, make: Callable[[Path], str]) -> None:
    assert sensible(told(site(tmp_path, make(tmp_path)), seconds=2.0))


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_are_read_or_refused(tmp_path: Path, text: str) -> None:
    assert sensible(told(site(tmp_path, text), seconds=2.0))


def test_a_file_of_somebody_else_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = site(tmp_path, "include closed.conf;" + SITE)
    (tmp_path / "closed.conf").write_text("gzip on;")
    (tmp_path / "closed.conf").chmod(0o600)
    asked = f"(lambda files: (files.read(), files.config.unread))(Files('{path}', Deadline(5)))"
    unread = as_nobody(tmp_path, "opskit.probes.nginx_config_files", asked)
    assert unread.strip() == str((False, [Fault(f"{tmp_path}/closed.conf", 0, "Permission denied")]))


def test_a_main_file_that_is_not_there_or_no_file_is_said() -> None:
    for path, said in (("/no/such/nginx.conf", "No such file"), ("/", "Is a directory"), ("a\0b", "null")):
        with pytest.raises(ProbeError, match=said):
            NginxConfigProbe().collect(Args(path), Deadline(5))


def test_without_time_nothing_is_claimed(tmp_path: Path) -> None:
    path = site(tmp_path, SITE)
    files = Files(str(path), Deadline(0))
    files.read()
    assert files.config.directives[0].name == "?unread"
    found = NginxConfigProbe().read([pack("nginx-config.json", files.config, "x")], Args(str(path)), datetime.now(UTC))
    assert {value for name, value in found.facts.items() if name != "readable"} == {None}


def test_damaged_evidence_is_read_or_refused() -> None:
    deep = Directive("http")
    for _ in range(3000):
        deep = Directive("location", ("/",), 10**9, 0, (deep,))
    rows = [
        Config("x", directives=[Directive("http", block=(Directive("server", block=(deep,)),))]),
        Config("x", directives=[Directive("http", block=(Directive("server"), Directive("upstream", block=())))]),
        Config("x", directives=[Directive("http", block=(Directive("server", block=(
            Directive("location", block=(Directive("proxy_pass"), Directive("if", block=()))), Directive("listen"),
            Directive("rewrite"), Directive("try_files"), Directive("return"))),))]),
    ]  # fmt: skip
    for row in rows:
        refused_or_read(pack_deep(row))
    refused_or_read(b'{"conf": "x", "directives": [{"name": "http", "block": [1]}]}')
    refused_or_read(b'{"conf": 1}')


def pack_deep(row: Config) -> bytes:
    try:
        return msgspec.json.encode(row)
    except RecursionError:
        return b'{"conf": "x", "directives": ' + b'[{"name": "http", "block": ' * 3000


def refused_or_read(data: bytes) -> None:
    try:
        found = NginxConfigProbe().read([Raw("nginx-config.json", data, "x")], Args("x"), datetime.now(UTC))
    except ProbeError:
        return
    assert isinstance(found, Reading)


def test_a_change_is_seen_until_nginx_has_read_it(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    one = tmp_path / "sites" / "one"
    one.write_text(SITE.replace("8089", f"unix:{tmp_path}/socket"))
    path = site(tmp_path, "include sites/*;")
    past = time.time() - 60
    for each in (one, path):
        os.utime(each, (past, past))
    with running(tmp_path, path) as process:
        eventually(lambda: (tmp_path / "nginx.pid").read_text() if (tmp_path / "nginx.pid").exists() else "")
        eventually(lambda: workers(process.pid))
        assert told(path).facts["changed_since_start"] is False
        later = time.time() + 30
        os.utime(one, (later, later))
        found = told(path)
        assert found.facts["changed_since_start"] is True
        assert found.evidence["changed_since_start"][0].source == str(one)
        assert any("was changed after Nginx read it" in str(note) for note in found.notes)
        os.utime(one, (past, past))  # its times say nothing any more: it was touched, and has an old date
        old = workers(process.pid)
        assert told(path).facts["changed_since_start"] is None
        process.send_signal(signal.SIGHUP)
        eventually(lambda: not old & workers(process.pid) and workers(process.pid))
        assert told(path).facts["changed_since_start"] is False
    assert told(path).facts["changed_since_start"] is None


def workers(pid: int) -> set[int]:
    try:
        rows = psutil.Process(pid).children()
        return {row.pid for row in rows if " ".join(row.cmdline()).strip() == "nginx: worker process"}
    except psutil.Error:
        return set()


CHANGES = [
    (File("a", 99.0, 99.0), False),
    (File("a", 102.0, 102.0), True),
    (File("a", 100.5, 100.5), None),
    (File("a", 99.0, 100.5), None),
    (File("a", None, None), None),
    (File("a", None, 99.0), False),
]


@pytest.mark.parametrize(("file", "changed"), CHANGES)
def test_a_file_counts_as_changed_where_its_content_is_surely_newer(file: File, changed: bool | None) -> None:
    config = Config("a", files=[file], running=Running(1, 100.0))
    found = NginxConfigProbe().read([pack("nginx-config.json", config, "x")], Args("a"), datetime.now(UTC))
    assert found.facts["changed_since_start"] is changed
