"""Nginx's own formats: what Nginx would write with them is read back, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.logs import log_format, nginx_access
from opskit.logs.formats import detect, find, known
from opskit.logs.log_format_parts import Escape
from opskit.logs.nginx_conf import COMBINED, log_formats
from opskit.logs.top import Query, Row, count

AT = 1795323601.0
TIME = "22/Nov/2026:13:00:01 +0800"
RICH = COMBINED + (
    " rid=$request_id msec=$msec rt=$request_time uht=$upstream_header_time us=$upstream_status ua=$upstream_addr"
    " cid=$connection/$connection_requests done=$request_completion lim=$limit_req_status"
)
TAIL = "rid=0123456789abcdef0123456789abcdef msec=1795323601.250 rt=4.500"
LINE = f'10.0.0.7 - bob x [{TIME}] "POST /v1/chat HTTP/1.1" 502 17 "-" "curl/8" {TAIL}'
ANY = st.text(st.characters(codec="utf-8"), max_size=30)


def written(value: str, escape: Escape) -> bytes:
    r"""Escape as ngx_http_log_escape does: `\xHH`, or JSON's way, byte by byte."""
    raw = value.encode()
    if escape == "default":
        special = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
        return special.sub(lambda found: b"\\x%02X" % found[0][0], raw) if value else b"-"
    named = {0x22: b'\\"', 0x5C: b"\\\\", 10: b"\\n", 13: b"\\r", 9: b"\\t", 8: b"\\b", 12: b"\\f"}
    return re.sub(rb'[\x00-\x1f"\\]', lambda found: named.get(found[0][0], b"\\u%04X" % found[0][0]), raw)


def test_a_retried_request_keeps_its_lists_and_a_user_with_a_blank_his_name() -> None:
    line = f"{LINE} uht=-, 0.100 : 0.250 us=502, 502 : 200 ua=[::1]:1, unix:/a : dead cid=7/2 done= lim=PASSED"
    found = log_format.compiled(RICH)(line.encode())
    assert found is not None
    assert (found.at, found.status, found.client, found.user) == (1795323601.25, 502, "10.0.0.7", "bob x")
    assert (found.method, found.path, found.agent, found.size_b) == ("POST", "/v1/chat", "curl/8", 17)
    assert (found.duration_s, found.first_byte_s, found.upstream_status) == (4.5, 0.25, "502, 502 : 200")
    assert found.request_id == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("listed", ["-", "", "0.001", "-, -", "0.1, -", ", 0.2", "0.1 : "])
def test_every_shape_of_an_upstream_list_is_read(listed: str) -> None:
    line = f"{LINE} uht={listed} us=- ua=- cid=1/1 done=OK lim=-"
    assert log_format.compiled(RICH)(line.encode()) is not None


@pytest.mark.parametrize(
    ("time", "at"),
    [("$msec", b"1795323601.000"), ("$time_iso8601", b"2026-11-22T13:00:01+08:00"), ("[$time_local]", b"[%s]")],
)
def test_each_time_is_read(time: str, at: bytes) -> None:
    found = log_format.compiled(f"{time} ${{status}}ms")(at.replace(b"%s", TIME.encode()) + b" 009ms")
    assert found is not None
    assert (found.at, found.status) == (AT, 9)


@given(agent=ANY, user=ANY, uri=ANY)
@settings(max_examples=300)
def test_what_nginx_escapes_for_json_comes_back_as_it_was(agent: str, user: str, uri: str) -> None:
    form = '{"t":"$time_iso8601","s":$status,"agent":"$http_user_agent","user":"$remote_user","uri":"$request_uri"}'
    parts = [written(value, "json") for value in (agent, user, uri)]
    line = b'{"t":"2026-11-22T13:00:01+08:00","s":009,"agent":"%b","user":"%b","uri":"%b"}' % tuple(parts)
    found = log_format.compiled(form, "json")(line)
    assert found is not None
    assert [found.agent, found.user, found.path] == [None if v in {"", "-"} else v for v in (agent, user, uri)]
    assert found.status == 9


@given(agent=ANY, user=ANY.filter(lambda text: "[" not in text), path=ANY, status=st.integers(0, 999))
@settings(max_examples=300)
def test_the_compiled_form_of_combined_reads_as_the_reader_written_for_it(
    agent: str, user: str, path: str, status: int
) -> None:
    request = b"GET /%b HTTP/1.1" % written(path, "default").replace(b" ", b"%20")
    parts = (written(user, "default"), TIME.encode(), request, b"%03d" % status, written(agent, "default"))
    line = b'10.0.0.7 - %b [%b] "%b" %b 17 "-" "%b"' % parts
    assert log_format.compiled(COMBINED)(line) == nginx_access.parse(line) is not None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_nothing(noise: bytes) -> None:
    parse = log_format.compiled(RICH)
    for line in (noise, LINE.encode()[:80] + noise, noise + LINE.encode()):
        found = parse(line)
        assert found is None or found.status is not None


def test_an_endless_line_ends(tmp_path: Path) -> None:
    parse = log_format.compiled(RICH)
    for hostile in (b" " * 16384, b"a - " + b"[" * 16384, LINE.encode() + b" uht=" + b"-, " * 8000, b'"' * 16384):
        assert parse(hostile) is None


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("$remote_addr [$time_local]", r"without \$status"),
        ("$remote_addr $status", r"without \$time_local, \$time_iso8601 or \$msec"),
        ("$msec $request_time$status", r"between \$request_time and \$status"),
        ("$msec $status\n$remote_addr", "several lines for one request"),
    ],
)
def test_a_format_that_tells_too_little_is_refused(form: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        log_format.compiled(form)


FORGED = b"200 1795323601.000 y"
TRUE = b"429 1795323602.000 -"


@pytest.mark.parametrize("value", ["$http_user_agent", "$uri", "$request", "$mapped"])
@pytest.mark.parametrize("padding", [b"x", b"x" * 300, b"x" * 1900])
def test_a_client_cannot_write_the_fields_that_follow_its_value(value: str, padding: bytes) -> None:
    parse = log_format.compiled(f"{value} $status $msec $http_referer")
    assert parse(padding + b" " + FORGED + b" " + TRUE) is None
    found = parse(padding + b" y " + TRUE)
    assert found is not None
    assert (found.status, found.at) == (429, 1795323602.0)


def test_half_a_utf16_pair_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    form = 'escape=json {"m":$msec,"s":$status,"a":"$http_user_agent"}'
    lines = ('{"m":1795323601.000,"s":429,"a":"\\ud800"}', '{"m":1795323601.000,"s":429,"a":"\u00e9\\ud800"}')
    log = tmp_path / "a.log"
    log.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    found = count(Query(paths=(log,), by=("agent",), format=form))
    assert found.top["429"] == (Row(("\u00e9\ufffd",), 1), Row(("\ufffd",), 1))


CONF = """
events {}
http {
    log_format main '$remote_addr [$time_local] '
                    '"$request" $status';
    include sites/*.conf;
}
"""
SITE = """log_format lines escape=json '{"at":$msec,"status":$status,"ip":"$remote_addr"}';
server { access_log /var/log/nginx/a.log lines; }
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "a.conf").write_text(SITE)
    (tmp_path / "nginx.conf").write_text(CONF)
    return tmp_path / "nginx.conf"


def test_formats_are_found_in_a_configuration_and_what_it_includes(conf: Path) -> None:
    assert log_formats(conf) == (
        {
            "combined": (COMBINED, "default"),
            "main": ('$remote_addr [$time_local] "$request" $status', "default"),
            "lines": ('{"at":$msec,"status":$status,"ip":"$remote_addr"}', "json"),
        },
        None,
    )
    assert find(f"{conf}:combined") is known()["combined"]


def test_counting_takes_a_format_from_nginx_conf_or_from_the_command_line(conf: Path, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text('{"at":1795323601.000,"status":429,"ip":"10.0.0.7"}\nnoise\n')
    for form in (f"{conf}:lines", 'escape=json {"at":$msec,"status":$status,"ip":"$remote_addr"}'):
        found = count(Query(paths=(log,), format=form))
        assert (found.account.parsed, found.account.unparsed) == (1, 1)
        assert found.top["429"] == (Row(("10.0.0.7",), 1),)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("{conf}:nobody", "no log_format is called nobody; known are combined, lines, main"),
        ("{conf}.missing:main", "No such file"),
        ("iis", "known are auto, journald, docker, nginx-error, ingress-nginx"),
    ],
)
def test_a_format_that_is_nowhere_is_named_with_those_that_are(wanted: str, why: str, conf: Path) -> None:
    with pytest.raises(ValueError, match=why):
        find(wanted.format(conf=conf))


def test_a_file_of_conf_d_can_be_named_alone(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("log_format a '$msec $status';")
    assert log_formats(tmp_path / "a.conf")[0]["a"] == ("$msec $status", "default")


def test_an_escape_that_nginx_does_not_know_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("http { log_format a escape=odd '$msec $status'; }")
    with pytest.raises(ValueError, match="log_format a: escape=odd; Nginx knows default, json, none"):
        find(f"{tmp_path}/a.conf:a")


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text("http { log_format a '$msec")
    with pytest.raises(ValueError, match=r"nginx\.conf"):
        find(f"{tmp_path}/nginx.conf:a")


def test_lines_of_ingress_nginx_are_told_from_combined_ones_with_more_behind() -> None:
    ingress = (
        f'10.0.0.7 - - [{TIME}] "GET / HTTP/2.0" 200 17 "-" "curl/8" 312 0.004 [web-80] [] '
        "10.8.0.4:80, 10.8.0.5:80 0, 17 0.001, 0.003 502, 200 0123456789abcdef0123456789abcdef"
    ).encode()
    form = detect([ingress] * 5)
    assert form is known()["ingress-nginx"]
    found = form.parse(ingress)
    assert found is not None
    assert (found.duration_s, found.upstream_status) == (0.004, "502, 200")
    assert detect([ingress.partition(b" 312")[0]] * 5) is known()["combined"]


T8601 = "2026-11-22T13:00:01+08:00"


@pytest.mark.parametrize(
    ("form", "line", "told"),
    [
        (
            "$msec $status $scheme://$host$request_uri $remote_addr",
            "1795323601.000 200 https://chat.example/v1?x=1 10.0.0.7",
            {"host": "chat.example", "path": "/v1?x=1", "client": "10.0.0.7"},
        ),
        (
            '[$time_local] $status "$request_method $uri$is_args$args"',
            f'[{TIME}] 404 "GET /a b?x=1"',
            {"method": "GET", "path": "/a b?x=1"},
        ),
        ("$status$msec", "2001795323601.000", {}),
        (
            "$remote_addr|$remote_user|$time_local|$request|$status|$http_referer|$http_user_agent|$request_time",
            f"10.0.0.7|bob x|{TIME}|GET / HTTP/1.1|499|-|Mozilla (X; Y)|1.500",
            {"client": "10.0.0.7", "user": "bob x", "path": "/", "agent": "Mozilla (X; Y)", "duration_s": 1.5},
        ),
        (
            "[$time_local] [$remote_addr:$remote_port] [$request] [$status] [$http_user_agent] [$upstream_addr]",
            f"[{TIME}] [2001:db8::1:5555] [GET / HTTP/1.1] [502] [FB [x]] [[::1]:1, unix:/a]",
            {"client": "2001:db8::1", "agent": "FB [x]", "upstream_addr": "[::1]:1, unix:/a"},
        ),
        (
            "$status, $upstream_status, $upstream_response_time, $request_time, $time_iso8601",
            f"200, 502, 200, 0.001, 0.250, 0.251, {T8601}",
            {"upstream_status": "502, 200", "upstream_time": "0.001, 0.250", "duration_s": 0.251},
        ),
        (
            "$http_user_agent $http_referer $remote_addr $status [$time_local]",
            f"a b c 10.0.0.7 200 [{TIME}]",
            {"agent": None, "client": "10.0.0.7"},  # where the agent ends, nobody knows
        ),
        (
            "$http_x_real_ip $status $msec",
            "10.0.0.7 200 1795323601.000",
            {"client": "10.0.0.7"},
        ),
    ],
)
def test_values_that_lean_on_each_other_are_told_apart_or_not_told(
    form: str, line: str, told: dict[str, object]
) -> None:
    found = log_format.compiled(form)(line.encode())
    assert found is not None
    assert found.at == AT
    assert {name: getattr(found, name) for name in told} == told


@pytest.mark.parametrize("agent", ['a "b" c', '"', ""])
def test_quotes_in_values_of_escape_none_are_read_where_they_leave_no_doubt(agent: str) -> None:
    parse = log_format.compiled(COMBINED, "none")
    line = f'10.0.0.7 - - [{TIME}] "GET /"a" HTTP/1.1" 429 5 "-" "{agent}"'
    found = parse(line.encode())
    assert found is not None
    assert (found.status, found.path, found.client) == (429, '/"a"', "10.0.0.7")
    assert parse(line.replace("HTTP/1.1", 'HTTP/1.1" 200 5 "-').encode()) is None


PARTS = st.sampled_from(["$remote_user", "$http_user_agent", '"$http_referer"', "$request", "$uri", '"$http_a"', "$b"])
BETWEEN = st.sampled_from([" ", "|", " - ", "] [", "\t", '" "', ";"])


@given(st.lists(st.tuples(BETWEEN, PARTS), max_size=6), st.data(), st.sampled_from(["default", "json", "none"]))
@settings(max_examples=300)
def test_no_text_of_a_client_changes_what_a_status_was(
    parts: list[tuple[str, str]], data: st.DataObject, escape: Escape
) -> None:
    where = data.draw(st.integers(0, len(parts)))
    order = [*parts[:where], (" ", "$status $msec"), *parts[where:]]
    values = st.text('a |]\t"-;[', max_size=6) | st.sampled_from(
        ["500 1795323602.000", "x 500 1795323602.000 y", " - "]
    )
    form, line = "<", b"<"
    for between, part in order:
        form, line = form + between + part, line + between.encode()
        if part == "$status $msec":
            line += b"429 1795323601.000"
            continue
        before, _, after = part.rpartition("$")[0], part, '"' if part.endswith('"') else ""
        value = data.draw(values)
        line += before.encode() + (value.encode() if escape == "none" else written(value, escape)) + after.encode()
    try:
        parse = log_format.compiled(form, escape)
    except ValueError:
        return
    found = parse(line)
    assert found is None or (found.status, found.at) == (429, AT)


def test_a_string_of_a_configuration_means_what_nginx_understands(tmp_path: Path) -> None:
    conf = tmp_path / "nginx.conf"
    conf.write_text("include mime.types; http { log_format tsv '$msec\\t$status\\t$request\\t$http_user_agent'; }")
    line = b"1795323601.000\t429\tGET / HTTP/1.1\ta b"
    wanted = (
        f"{conf}:tsv",
        r"$msec\t$status\t$request\t$http_user_agent",
        r"log_format tsv '$msec\t$status\t' '$request\t$http_user_agent';",
    )
    for name in wanted:
        found = find(name).parse(line)
        assert found is not None
        assert (found.status, found.path, found.agent) == (429, "/", "a b")
    with pytest.raises(ValueError, match=r"no log_format is called other; known are combined, tsv \(.*mime\.types"):
        find(f"{conf}:other")


def test_a_format_whose_values_have_a_separator_is_read_by_the_million() -> None:
    form = r"$remote_addr\t$request\t$status\t$http_user_agent\t$http_referer\t$msec"
    line = b"10.0.0.7\tGET / HTTP/1.1\t429\ta b\t-\t1795323601.000"
    (shape,) = find(form).shapes([line], ("client",))
    columns = shape.columns(("client",))
    assert columns.line(line)
    assert columns.line(line.replace(b"a b", b"a\tb")) is None
