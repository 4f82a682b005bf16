"""One request through all logs, what its status does not tell, and the logs in which few lines are requests."""

from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest

from opskit.logs import others
from opskit.logs.formats import detect, known
from opskit.logs.nginx_error import ErrorRecord, parse
from opskit.logs.outcome import outcomes
from opskit.logs.request import Request
from opskit.logs.story import find
from opskit.logs.top import Query, count

ID = "4da561dac4f33f13c8b831b2e33b54b7"
SHANGHAI = timezone(timedelta(hours=8))
ACCESS = (
    '10.0.0.7 - - [23/Nov/2026:10:00:30 +0800] "POST /v1/chat/completions HTTP/1.1" 200 36 "-" "curl" '
    f"rid={ID} rt=30.012"
    ' uht="0.900" urt="30.010" us="200" ua="127.0.0.1:18789" cid=17/3 done=\n'
    '10.0.0.8 - - [23/Nov/2026:10:00:31 +0800] "GET /x HTTP/1.1" 200 36 "-" "curl" rid=other cid=18/1\n'
)
ERROR = (
    "2026/11/23 10:00:30 [error] 7#7: *17 upstream timed out (110: Connection timed out) while reading upstream, "
    'client: 10.0.0.7, server: chat, request: "POST /v1/chat/completions HTTP/1.1", '
    'upstream: "http://127.0.0.1:18789/v1/chat/completions", host: "chat"\n'
)
GATEWAY = (
    f'{{"ts":"2026-11-23T02:00:00.020Z","msg":"request.start","request_id":"{ID}","user_id":"u1"}}\n'
    f'{{"ts":"2026-11-23T02:00:40Z","msg":"request.end","request_id":"{ID}","status":200,"api_key":"sk-abcdefghijklmnopqrstuv"}}\n'
)
OLLAMA = (
    '[GIN] 2026/11/23 - 10:00:29 | 200 | 29.1s |       127.0.0.1 | POST     "/api/chat"\n'
    '[GIN] 2026/11/23 - 10:00:10 | 200 | 0.1s |       127.0.0.1 | GET     "/api/tags"\n'
    '[GIN] 2026/11/23 - 10:09:29 | 200 | 29.1s |       127.0.0.1 | POST     "/api/chat"\n'
)


@pytest.fixture
def stack(tmp_path: Path) -> list[Path]:
    """Write the logs of all layers; the error log's other lines are of another hour, connection or client."""
    (tmp_path / "access.log.1.gz").write_bytes(gzip.compress(ACCESS.encode()))
    (tmp_path / "access.log").write_text("")
    later, foreign = ERROR.replace("10:00:30", "11:00:30"), ERROR.replace("*17 ", "*99 ")
    (tmp_path / "error.log").write_text(ERROR + later + foreign)
    (tmp_path / "gateway.log").write_text(GATEWAY)
    (tmp_path / "ollama.log").write_text(OLLAMA)
    return [tmp_path / name for name in ("access.log", "error.log", "gateway.log", "ollama.log")]


def test_a_request_is_followed_through_all_layers_in_the_order_of_time(stack: list[Path]) -> None:
    found = find(ID, stack, UTC, by_time=True)
    told = [(mention.layer, mention.tie, mention.line, Path(mention.path).name) for mention in found.mentions]
    assert told == [
        ("gateway", "id", 1, "gateway.log"),
        ("ollama", "time", 1, "ollama.log"),
        ("nginx", "id", 1, "access.log.1.gz"),
        ("nginx-error", "connection", 1, "error.log"),
        ("gateway", "id", 2, "gateway.log"),
    ]
    assert [str(message).partition(":")[0] for message in found.outcomes] == ["the answer stopped in the middle"]
    assert not found.problems
    assert not any("sk-abcdefghijklmnop" in mention.text for mention in found.mentions)


def test_without_the_question_of_time_ollama_stays_out(stack: list[Path]) -> None:
    assert "ollama" not in [mention.layer for mention in find(ID, stack, UTC).mentions]


def test_a_busy_client_hides_no_error_of_the_request(stack: list[Path]) -> None:
    noise = "".join(
        ERROR.replace("10:00:30", f"0{n % 9}:0{n % 10}:00").replace("*17 ", f"*{n + 100} ") for n in range(1500)
    )
    (stack[1]).write_text(noise + ERROR)
    assert [m.line for m in find(ID, stack, UTC).mentions if m.layer == "nginx-error"] == [1501]


def test_errors_of_others_on_the_connection_or_with_the_id_in_their_text_accuse_nobody(stack: list[Path]) -> None:
    neighbour = ERROR.replace("/v1/chat/completions HTTP", "/v1/models HTTP")
    forged = ERROR.replace("*17 ", "*99 ").replace("/v1/chat/completions HTTP", f"/?{ID} HTTP")
    stack[1].write_text(neighbour + forged)
    found = find(ID, stack, UTC)
    assert [mention.tie for mention in found.mentions if mention.layer == "nginx-error"] == ["text"]
    assert "the answer stopped" not in " ".join(map(str, found.outcomes))


def test_without_a_connection_client_path_and_time_tie_an_error_to_a_request(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(ACCESS.replace(" cid=17/3", ""))
    other = ERROR.replace("/v1/chat/completions HTTP", "/v1/models HTTP")
    (tmp_path / "error.log").write_text(ERROR + other + ERROR.replace("10.0.0.7", "10.0.0.70"))
    found = find(ID, [tmp_path / "access.log", tmp_path / "error.log"], UTC)
    assert [(mention.tie, mention.line) for mention in found.mentions] == [("id", 1), ("client", 1)]


def test_an_id_that_only_stands_in_a_text_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(ACCESS.replace(f"rid={ID}", "rid=else").replace('"curl"', f'"{ID}"', 1))
    assert [mention.tie for mention in find(ID, [path], UTC).mentions] == ["text"]


def test_an_id_that_is_part_of_another_is_none_of_it(stack: list[Path]) -> None:
    assert not find(ID[:-1], stack, UTC).mentions
    assert find(f" {ID} ", stack, UTC).request_id == ID


PIPE = "$time_iso8601|$request_id|$remote_addr|$request|$status|$request_time|$connection"
JSON = (
    f'{{"time":"2026-11-23T10:00:30+08:00","request_id":"{ID}","remote_addr":"10.0.0.7","status":200,"connection":17,'
    '"request":"POST /v1/chat/completions HTTP/1.1","request_time":30.012}\n'
)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (PIPE, f"2026-11-23T10:00:30+08:00|{ID}|10.0.0.7|POST /v1/chat/completions HTTP/1.1|200|30.012|17\n"),
        ("auto", JSON),
    ],
)
def test_error_lines_are_found_beside_any_format_of_nginx(stack: list[Path], form: str, line: str) -> None:
    stack[0].write_text(line)
    stack[0].with_name("access.log.1.gz").unlink()
    found = find(ID, stack[:2], UTC, form=form)
    assert [(mention.layer, mention.tie) for mention in found.mentions] == [
        ("nginx", "id"),
        ("nginx-error", "connection"),
    ]
    assert "the answer stopped in the middle" in str(found.outcomes[0])


def test_lines_in_the_json_of_docker_and_journald_are_read_as_what_they_are(stack: list[Path]) -> None:
    before = [(mention.layer, mention.tie, mention.at) for mention in find(ID, stack, UTC, by_time=True).mentions]
    for path in stack:
        lines = path.read_text().splitlines()
        path.write_bytes(b"\n".join(journal(line) for line in lines))
    stack[2].write_text("".join(json.dumps({"log": f"{line}\n", "time": "x"}) + "\n" for line in GATEWAY.splitlines()))
    after = [(mention.layer, mention.tie, mention.at) for mention in find(ID, stack, UTC, by_time=True).mentions]
    assert after == before


def test_an_error_line_with_the_id_has_the_time_of_nginxs_zone(stack: list[Path]) -> None:
    stack[1].write_text(ERROR.replace("/v1/chat/completions HTTP", f"/?{ID} HTTP"))
    (told,) = [mention for mention in find(ID, stack, UTC).mentions if mention.layer == "nginx-error"]
    assert (told.tie, told.at) == ("text", 1795399230.0)


def test_a_beginning_without_an_end_is_told(stack: list[Path]) -> None:
    stack[2].write_text(GATEWAY.split("\n", maxsplit=1)[0])
    said = [str(message) for message in find(ID, stack, UTC).outcomes]
    assert said[-1].startswith("gateway: the request began and no end was noted")


def test_a_stream_without_its_last_event_is_told(stack: list[Path]) -> None:
    stack[1].write_text("")
    stack[2].write_text(GATEWAY.replace('"status":200', '"status":200,"stream":true,"finish_reason":null'))
    assert "status 200, but the answer was not sent to its end" in map(str, find(ID, stack, UTC).outcomes)


@pytest.mark.parametrize("lasted", ["1e15", "1e300"])
def test_an_absurd_duration_is_no_search_without_end(stack: list[Path], lasted: str) -> None:
    stack[2].write_text(GATEWAY.replace('"status":200', f'"status":200,"response_time":{lasted}'))
    assert "ollama" not in [mention.layer for mention in find(ID, stack, UTC, by_time=True).mentions]


def test_what_was_read_from_a_line_has_no_secrets_either(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(ACCESS.replace("/v1/chat/completions", "/?password=hunter2").replace("curl", "sk-abcdefghijklmnop"))
    (told,) = find(ID, [path], UTC).mentions
    assert told.request is not None
    assert (told.request.path, told.request.agent) == ("/?password=[redacted]", "[redacted]")


@pytest.mark.parametrize("wrong", ["", "  ", "-", '"', "a\nb", "x" * 201, "\x1b[2J"])
def test_what_cannot_be_an_id_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="request id"):
        find(wrong, ["access.log"])


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (told,) = find(ID, [tmp_path / "missing.log"]).problems
    assert "missing.log: there is no such file" in str(told)


BEHIND = {"upstream_addr": "10.1.1.1:80"}


@pytest.mark.parametrize(
    ("request_", "errors", "said"),
    [
        (Request(0, status=200), [], []),
        (Request(0, status=200), ["upstream prematurely closed connection while reading upstream"], ["broke off"]),
        (
            Request(0, status=200),
            ["recv() failed (104: Connection reset by peer) while reading upstream"],
            ["broke off"],
        ),
        (Request(0, status=200), ["upstream timed out (110: Operation timed out) while reading upstream"], ["stopped"]),
        (Request(0, status=200, complete=False), [], ["not sent to its end"]),
        (Request(0, status=200, error="boom"), [], ["names an error: boom"]),
        (Request(0, status=499, duration_s=60.02), [], ["gave up after 60 s"]),
        (Request(0, status=499, duration_s=0.2), [], ["left at once"]),
        (Request(0, status=499, duration_s=17.4), [], ["left after 17.4 s"]),
        (
            Request(0, status=499, upstream_status="", duration_s=17.4, **BEHIND),
            [],
            ["left after 17.4 s", "10.1.1.1:80 had been asked and had not answered yet"],
        ),
        (Request(0, status=499, upstream_status="", duration_s=17.4), [], ["left after 17.4 s"]),
        (
            Request(0, status=499, upstream_status="502, -", upstream_addr="10.1.1.1:80, 10.1.1.2:80"),
            [],
            ["left before", "10.1.1.2:80 had been asked", "2 servers were tried"],
        ),
        (Request(0, status=429, upstream_status=""), [], ["Nginx itself answered 429"]),
        (
            Request(0, status=503, upstream_status=""),
            ['limiting requests, excess: 5.1 by zone "a"'],
            ["one of its limits"],
        ),
        (Request(0, status=429, upstream_status="429", **BEHIND), [], ["429 came from 10.1.1.1:80"]),
        (Request(0, status=502, upstream_status="502", **BEHIND), [], ["cannot tell whether Nginx made the 502"]),
        (Request(0, status=502, upstream_status="502", first_byte_s=0.1, **BEHIND), [], ["502 came from 10.1.1.1:80"]),
        (Request(0, status=502), [], []),
        (Request(0, status=200, upstream_status="502, 200"), [], ["2 servers were tried: 502, 200"]),
        (Request(0, status=504, duration_s=60.01), [], ["it took 60 s, a round time"]),
    ],
)
def test_what_a_status_does_not_tell(request_: Request, errors: list[str], said: list[str]) -> None:
    records = list[ErrorRecord]()
    for message in errors:
        record = parse(f"2026/11/23 10:00:30 [error] 7#7: *1 {message}, client: 10.0.0.7, server: ".encode(), UTC)
        assert record
        records.append(record)
    told = [str(message) for message in outcomes(request_, records)]
    assert len(told) == len(said)
    assert all(part in text for part, text in zip(said, told, strict=True))


def journal(message: object) -> bytes:
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": "1795399230000000"}).encode()


@pytest.mark.parametrize(
    ("name", "line", "status", "at"),
    [
        ("ollama", OLLAMA.split("\n", maxsplit=1)[0].encode(), 200, 1795399229.0),
        ("ollama", b'time=2026-11-23T10:00:30.000+08:00 level=INFO source=sched.go:1 msg="x"', None, 1795399230.0),
        ("ollama", b"llama_model_loader: loaded meta data with 35 key-value pairs", None, math.nan),
        ("nginx-error", ERROR.strip().encode(), None, 1795399230.0),
        ("tslog", b'{"0":"{}","1":"up","_meta":{"date":"2026-11-23T02:00:30.000Z"},"time":"x"}', None, 1795399230.0),
        ("journald", journal(OLLAMA.split("\n", maxsplit=1)[0]), 200, 1795399229.0),
        ("journald", journal(list(ACCESS.split("\n", maxsplit=1)[0].encode())), 200, 1795399230.0),
        ("journald", journal("hello"), None, 1795399230.0),
        (
            "docker",
            b'{"log":"{\\"ts\\":1795399230,\\"status\\":429}\\n","stream":"stdout","time":"x"}',
            429,
            1795399230.0,
        ),
        (
            "kernel",
            b"2026-11-23T10:00:30+08:00 gpu kernel: NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.",
            None,
            1795399230.0,
        ),
        ("gateway", b'{"ts":"2026-11-23 10:00:30","status":429}', 429, 1795399230.0),
        ("logfmt", b"time=2026-11-23T10:00:30 status=429 path=/", 429, 1795399230.0),
    ],
)
def test_each_log_is_recognised_and_read_in_the_zone_of_its_host(
    name: str, line: bytes, status: int | None, at: float
) -> None:
    form = detect([line] * 3, SHANGHAI)
    assert form is known(SHANGHAI)[name]
    found = form.parse(line)
    assert found is not None
    assert found.status == status
    assert found.at == at or math.isnan(at)
    assert (found.event == "other") == (status is None)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b'{"MESSAGE":5}', b"\xff\xfe", b'{"_meta":1}', b'{"log":null,"time":5}']
)
def test_foreign_lines_are_none_of_these(line: bytes) -> None:
    assert [others.tslog(line, UTC), others.ollama(line, UTC), others.error_log(line, UTC)] == [None] * 3
    assert others.wrapped("MESSAGE", "__REALTIME_TIMESTAMP", [], line) is None


def test_gateway_lines_without_a_zone_are_within_the_window_of_their_host(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_text('{"ts":"2026-11-23 10:00:30","status":429,"client_ip":"10.0.0.7"}\n' * 3)
    assert count(Query(paths=(path,), since=1795399230.0, zone=SHANGHAI)).matched == 3
    assert count(Query(paths=(path,), until=1795399230.0, zone=SHANGHAI)).matched == 0
