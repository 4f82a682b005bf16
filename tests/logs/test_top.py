"""Counting: exact against a plain loop over the parser, over real files of every sort."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opskit.logs import nginx_access, others, reading
from opskit.logs.account import Unread
from opskit.logs.formats import detect, known
from opskit.logs.request import Request
from opskit.logs.top import Query, Row, count
from opskit.logs.top_json import as_json

AT = 1795323601.0


def line(
    client: str = "10.0.0.7", status: int | str = 429, path: str = "/v1", second: int = 1, agent: str = "curl"
) -> bytes:
    return (
        f'{client} - - [22/Nov/2026:13:00:{second:02d} +0800] "GET {path} HTTP/1.1" {status} 5 "-" "{agent}"\n'.encode()
    )


def written(folder: Path, data: bytes, name: str = "access.log") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_answer_has_its_whole_shape(tmp_path: Path) -> None:
    path = written(tmp_path, line() * 3 + line("10.0.0.8") + line(status=500) + b"\n\x00garbage\n" + line(status=200))
    found = count(Query(paths=(path,), since=AT, until=AT + 1))
    assert as_json(found, timezone(timedelta(hours=8))) == {
        "window": {"since": "2026-11-22T13:00:01+08:00", "until": "2026-11-22T13:00:02+08:00"},
        "files": [{"path": str(path), "format": "combined", "lines": 8, "parsed": 6, "unparsed": 2, "error": None}],
        "lines": 8,
        "parsed": 6,
        "unparsed": 2,
        "examined": 8,
        "coverage": {"complete": True, "first": "2026-11-22T13:00:01+08:00", "why": []},
        "matched": 5,
        "on_disk": False,
        "top": {
            "401": [],
            "429": [{"client": "10.0.0.7", "count": 3}, {"client": "10.0.0.8", "count": 1}],
            "500": [{"client": "10.0.0.7", "count": 1}],
        },
        "unparsed_lines": [],
    }
    json.dumps(as_json(found, UTC))


def test_the_window_begins_inclusive_and_ends_exclusive(tmp_path: Path) -> None:
    path = written(tmp_path, b"".join(line(second=second) for second in range(10)))
    assert count(Query(paths=(path,), since=AT, until=AT + 4)).matched == 4
    assert count(Query(paths=(path,), since=AT + 0.5, until=None)).matched == 8


def test_ties_are_broken_by_the_key_and_n_limits_the_rows(tmp_path: Path) -> None:
    path = written(tmp_path, line("b") + line("c") * 2 + line("a") + line("d"))
    assert count(Query(paths=(path,), n=3)).top["429"] == (Row(("c",), 2), Row(("a",), 1), Row(("b",), 1))


def test_a_class_gives_the_statuses_that_occur_and_a_number_always_its_key(tmp_path: Path) -> None:
    path = written(tmp_path, line(status=502) + line(status=504) + line(status="009") + line(status=200))
    assert sorted(count(Query(paths=(path,), statuses=("5xx", 401, 9))).top) == ["009", "401", "502", "504"]


def test_groups_of_several_fields_and_paths_without_their_query(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line(path="/a?x=1") + line(path="/a?x=2") + b'10.0.0.7 - bob [22/Nov/2026:13:00:01 +0800] "" 429 0 "-" "-"\n',
    )
    assert count(Query(paths=(path,), by=("user", "path"))).top["429"] == (Row(("-", "/a"), 2), Row(("bob", "-"), 1))


def test_a_file_counts_once_under_all_its_names(tmp_path: Path) -> None:
    path = written(tmp_path, line())
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "hard").hardlink_to(path)
    assert count(Query(paths=(path, str(path), tmp_path / "link", tmp_path / "hard"))).account.lines == 1


def test_a_bad_file_is_named_and_the_others_still_count(tmp_path: Path) -> None:
    good, packed = written(tmp_path, line()), gzip.compress(line() * 20_000)
    cut = written(tmp_path, packed[: len(packed) // 2], "access.log.1.gz")
    other = written(tmp_path, b"hello\n" * 3, "other.txt")
    found = count(Query(paths=(good, tmp_path / "none", cut, other, written(tmp_path, b"", "empty"))))
    assert [file.error is None for file in found.account.files] == [False, True, False, False, True]
    assert [file.lines for file in found.account.files][1:3] == [1, 0]
    assert 0 < found.account.files[0].parsed < 20_000
    assert (found.account.files[3].unparsed, found.account.files[3].format) == (3, None)
    assert found.account.parsed + found.account.unparsed == found.account.lines


def test_gateway_lines_count_by_user_key_and_model_and_starts_never_match(tmp_path: Path) -> None:
    rows = [
        {"ts": AT, "request_id": "a", "event": "request.start", "user_id": "u"},
        {"ts": AT, "request_id": "a", "status": 429, "user_id": "u", "model": "q", "key_id": "k"},
    ]
    path = written(tmp_path, "".join(json.dumps(row) + "\r\n" for row in rows).encode())
    found = count(Query(paths=(path,), by=("user", "model", "key", "client")))
    assert (found.account.files[0].format, found.account.parsed, found.matched) == ("gateway", 2, 1)
    assert found.top["429"] == (Row(("u", "q", "k", "-"), 1),)


@pytest.mark.parametrize(
    "query",
    [{"by": ("nothing",)}, {"by": ()}, {"statuses": ("abc",)}, {"statuses": (1000,)}, {"format": "iis"}],
)
def test_an_impossible_question_is_refused(query: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"known are|expected"):
        count(Query(paths=(tmp_path,), **query))  # type: ignore[arg-type]


def test_keys_that_are_not_text_can_be_shown(tmp_path: Path) -> None:
    path = written(tmp_path, line(agent="x").replace(b'"x"', b'"\xff"'))
    (row,) = as_json(count(Query(paths=(path,), by=("agent",))), UTC)["top"]["429"]
    assert row == {"agent": "\\xff", "count": 1}


PIECES = st.sampled_from(
    [
        *(
            b"10.0.0.7",
            b" - ",
            b"- ",
            b"bob ",
            b"[22/Nov/2026:13:00:01 +0800]",
            b"[31/Feb/2026:13:00:01 +0800]",
            b' "',
            b'"',
            b"\\",
        ),
        *(
            b"GET / HTTP/1.1",
            b'" 429 ',
            b" 500 ",
            b"5",
            b"-",
            b"\n",
            b"\r\n",
            b"\x00",
            b"\xff",
            b" ",
            b"host:80 ",
            b"[29/Feb/2023:",
        ),
        *(
            line(),
            line(status=500),
            line(status=200),
            line(agent="\\x22 500 "),
            line(agent=" 429 "),
            line(agent='a\\" 500 5'),
        ),
        line().replace(b' "-" "curl"', b""),
        line().replace(b"22/Nov", b"31/Nov"),
        line().replace(b"22/Nov", b"31/Dec"),
        line().replace(b"13:00", b"24:00"),
        line().replace(b"10.0.0.7 -", b"chat:443 10.0.0.7 -"),
        line().replace(b"\n", b' "1.2.3.4" rid=5\n'),
        line().replace(b'"\n', b"\n"),
        line().replace(b"GET ", b"GET\n"),
    ]
)


def by_the_parser(data: bytes, parse: Callable[[bytes], Request | None]) -> tuple[int, list[Request]]:
    """Read in the slowest way: how many lines, and the requests among them."""
    lines = [one.lstrip(b"\0").removesuffix(b"\r") for one in data.removesuffix(b"\n").split(b"\n")] if data else []
    return len(lines), [found for found in map(parse, lines) if found]


@pytest.fixture(params=[False, True], ids=["every line", "candidates only"])
def sought(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Read as a large file is read, or as a small one."""
    if request.param:
        monkeypatch.setattr(reading, "LARGE", -1)
    return bool(request.param)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_the_fast_ways_count_exactly_as_the_parser_does(
    tmp_path_factory: pytest.TempPathFactory, sought: bool, data: bytes
) -> None:
    path = written(tmp_path_factory.mktemp("top"), data)
    lines, requests = by_the_parser(data, nginx_access.parse)
    wanted = Counter((found.status, found.client) for found in requests if found.status in {429, 500})
    found = count(Query(paths=(path,), statuses=(429, 500), n=99, format="combined"))
    assert (found.account.lines, found.matched) == (lines, wanted.total())
    assert {(int(status), row.key[0]): row.count for status, rows in found.top.items() for row in rows} == wanted
    assert found.account.parsed == len(requests) or (sought and found.account.parsed > len(requests))


FIELDS = ("client", "user", "path", "method", "agent", "host", "model", "key", "upstream_status")
STATUS = st.sampled_from([200, 401, 429, 500, 503, 499])
WORD = st.sampled_from(
    ["-", "", "a", "401", "u 5", "\u00e9", 'q"', "x\\", " 500 ", "10.0.0.7:88", "request.start", "\ud800"]
)
RECORD = st.fixed_dictionaries(
    {
        "ts": st.sampled_from(
            ["2026-11-22T05:00:01Z", "2026-11-22T13:00:01.5+08:00", 1795323601, "1795323601", "no", None]
        )
    },
    optional={
        "msg": WORD,
        "level": st.none() | WORD,
        "status": STATUS | STATUS.map(str) | st.none() | st.just(429.0) | WORD,
        "client_ip": WORD | st.none() | st.integers(0, 500),
        "user_id": WORD | st.integers(0, 9),
        "request": st.fixed_dictionaries({}, optional={"path": WORD, "method": WORD, "status": STATUS}),
        "usage": st.dictionaries(WORD, st.integers(), max_size=2),
        "tags": st.lists(WORD, max_size=2),
        "model": WORD,
        "request_id": WORD,
        "upstream_status": WORD,
    },
)
GATEWAY = st.one_of(
    RECORD.map(lambda record: json.dumps(record).encode() + b"\n"),
    RECORD.map(
        lambda record: json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    ),
    st.sampled_from(
        [
            b"{}\n",
            b"\xff 429\n",
            b'{"ts":1795323601,"status":429,"status":500}\n',
            b'{"ts": 1795323601, "status": 429',
            b"\n",
        ]
    ),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GATEWAY, min_size=1, max_size=8), st.lists(st.integers(0, 7), max_size=20), st.sampled_from(FIELDS))
def test_gateway_lines_count_fast_as_slowly(
    tmp_path_factory: pytest.TempPathFactory, sought: bool, kinds: list[bytes], order: list[int], field: str
) -> None:
    data = b"".join(kinds[number % len(kinds)] for number in order)
    path = written(tmp_path_factory.mktemp("top"), data)
    lines, requests = by_the_parser(data, lambda line: others.gateway_line(line, "s", UTC))
    ended = [found for found in requests if found.status in {429, 500} and found.event == "end"]
    wanted = Counter(
        (found.status, (getattr(found, field) or "-").partition("?" if field == "path" else "\0")[0]) for found in ended
    )
    found = count(Query(paths=(path,), statuses=("429", "500"), by=(field,), n=99, format="gateway"))
    assert (found.account.lines, found.matched) == (lines, wanted.total())
    assert {(int(status), row.key[0]): row.count for status, rows in found.top.items() for row in rows} == wanted
    assert found.account.parsed == len(requests) or (sought and found.account.parsed > len(requests))


@pytest.mark.usefixtures("sought")
def test_a_line_with_the_digits_of_two_statuses_counts_once(tmp_path: Path) -> None:
    record = b'{"ts":1795323601,"status":429,"request_id":"500-401","client_ip":"10.0.0.7","prompt_tokens":401}\n'
    gateway = written(tmp_path, record * 3, "gateway.log")
    access = written(tmp_path, line(agent="401") + line() + line().replace(b"\n", b' "500" 401 5\n'))
    assert [count(Query(paths=(path,))).matched for path in (gateway, access)] == [3, 3]


def test_lines_across_block_borders_are_counted_once(tmp_path: Path) -> None:
    data = b"".join(line(agent="a" * (number % 700)) for number in range(3000)) + b"x" * 3_000_000 + b"\n" + line()
    found = count(Query(paths=(written(tmp_path, data), written(tmp_path, gzip.compress(data), "a.gz"))))
    assert (found.account.lines, found.account.parsed, found.matched) == (6004, 6002, 6002)


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ([], None),
        ([b"", b"x"], None),
        ([b"x", line().strip()], "combined"),
        ([b'{"ts":1795323601,"status":200}', b""], "gateway"),
    ],
)
def test_the_format_is_that_of_most_lines(sample: list[bytes], name: str | None) -> None:
    found = detect(sample)
    assert (found.name if found else None) == name


def test_every_format_is_described_in_both_languages() -> None:
    assert all(name == form.name and form.says.en and form.says.zh for name, form in known().items())
    assert Query(paths=()).format == "auto"


def test_lines_of_no_format_are_shown_on_request_cut_and_without_keys(tmp_path: Path) -> None:
    mixed = written(tmp_path, line() * 3 + b"token=s3cretvalue x\n" + b"y" * 9000 + b"\n" + line() + b"last")
    other = written(tmp_path, b"hello\nthere\n", "other.log")
    found = count(Query(paths=(mixed, other), show_unparsed=4))
    assert (found.account.parsed, found.account.unparsed) == (4, 5)
    assert found.account.unread == (
        Unread(str(mixed), "token=[redacted] x"),
        Unread(str(mixed), "y" * 300),
        Unread(str(mixed), "last"),
        Unread(str(other), "hello"),
    )
    assert count(Query(paths=(mixed, other))).account.unread == ()


def test_a_log_stands_for_its_rotated_set_and_older_members_stay_closed(tmp_path: Path) -> None:
    path = written(tmp_path, line())
    for name, at in (("access.log.1", AT), ("access.log.2.gz", AT - 86400), ("access.log.10.gz", AT - 9 * 86400)):
        member = written(tmp_path, gzip.compress(line() * 2) if name.endswith("gz") else line() * 2, name)
        os.utime(member, (at, at))
    written(tmp_path, line(), "access.log.bak")
    found = count(Query(paths=(path,)))
    assert [Path(file.path).name for file in found.account.files] == [
        "access.log.10.gz",
        "access.log.2.gz",
        "access.log.1",
        "access.log",
    ]
    assert found.matched == 7
    recent = count(Query(paths=(path,), since=AT))
    assert [Path(file.path).name for file in recent.account.files] == ["access.log.1", "access.log"]
    assert [file.lines for file in count(Query(paths=(tmp_path / "access.log.2.gz",))).account.files] == [2]


def test_a_file_and_its_compressed_copy_count_once_when_both_are_named(tmp_path: Path) -> None:
    plain = written(tmp_path, line() * 3, "access.log.1")
    packed = written(tmp_path, gzip.compress(line() * 3), "access.log.1.gz")
    assert [count(Query(paths=paths)).matched for paths in ((plain, packed), (packed, plain), (packed,))] == [3, 3, 3]


def test_a_folder_that_hides_its_files_is_named_lest_a_part_pass_for_the_whole() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = written(folder, line())
        written(folder, line(), "access.log.1")
        folder.chmod(0o311 if os.geteuid() else 0o711)
        before = os.geteuid()
        if not before:
            os.seteuid(65534)
        try:
            found = count(Query(paths=(path,)))
        finally:
            os.seteuid(before)
            folder.chmod(0o700)
    assert [(file.path, file.lines, file.error is None) for file in found.account.files] == [
        (str(folder), 0, False),
        (str(path), 1, True),
    ]


def test_half_a_utf16_pair_in_a_name_stops_nothing(tmp_path: Path) -> None:
    gateway = written(tmp_path, b'{"ts":1795323601,"status":429,"request_id":"r","user":"\\ud800"}\n', "g.log")
    pairs = written(tmp_path, b'time=1795323601 status=429 request_id=r user="\\ud800"\n', "p.log")
    found = as_json(count(Query(paths=(gateway, pairs), by=("user",))), UTC)
    assert found["top"]["429"] == [{"user": "\ufffd", "count": 2}]


def test_a_path_that_is_no_file_name_is_one_sentence() -> None:
    (file,) = count(Query(paths=("a\0b/c",))).account.files
    assert file.error is not None


def test_rows_are_counted_without_their_secrets(tmp_path: Path) -> None:
    data = b"".join(line(path=f"/login/sk-{number:020d}", agent="Bearer abcdefghijkl") for number in range(4))
    found = count(Query(paths=(written(tmp_path, data + line(path="/x") * 3),), by=("path", "agent")))
    assert found.top["429"] == (
        Row(("/login/[redacted]", "Bearer [redacted]"), 4),
        Row(("/x", "curl"), 3),
    )


TAIL = ' rid={rid} us="{us}" ua="{ua}"\n'


@pytest.mark.parametrize("large", [False, True])
def test_every_field_that_a_log_has_can_be_counted(
    tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(reading, "LARGE", 0)
    tails = [TAIL.format(rid=f"r{n % 2}", us="502, 429", ua=f"10.0.0.{n}:80, 10.0.0.9:80") for n in range(3)]
    nginx = written(tmp_path, b"".join(line().removesuffix(b"\n") + tail.encode() for tail in tails))
    by = ("status", "request_id", "upstream_addr", "upstream_status")
    assert count(Query(paths=(nginx,), by=by)).top["429"][0] == Row(
        ("429", "r0", "10.0.0.0:80, 10.0.0.9:80", "502, 429"), 1
    )
    assert count(Query(paths=(nginx,), by=("request_id",))).top["429"] == (Row(("r0",), 2), Row(("r1",), 1))
    failed = b'{"ts":1795323601,"status":500,"request_id":"r","error":"out of memory"}\n'
    gateway_log = written(tmp_path, failed * 2, "gateway.log")
    assert count(Query(paths=(gateway_log,), by=("error",))).top["500"] == (Row(("out of memory",), 2),)
