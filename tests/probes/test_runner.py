"""The process that computes: found by its command line, looked at twice, over real processes and written evidence."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.probes.base import ProbeError
from opskit.probes.runner_process import runners
from tests.probes.asking import NOW, ask, checked, collect, make, replay
from tests.probes.server import refused_port, serving
from tests.probes.test_fuzz import HARMS

_SERVER = """
import http.server, json, sys
looks = json.loads(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = looks.pop(0) if len(looks) > 1 else looks[0]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler)
print("up", flush=True)
server.serve_forever()
"""
_QUIET = "import time; print('up', flush=True); time.sleep(60)"
MODEL = "/usr/share/ollama/.ollama/models/blobs/sha256-1234"


@contextmanager
def process(script: str, looks: list[Any], port: int, name: str = "llama-server", model: str = MODEL) -> Iterator[None]:
    """A child of this process with the command line of a runner."""
    words = [json.dumps(looks), "--model", model, "--port", str(port), "--ctx-size", "8192", "--parallel", "2"]
    command = [sys.executable, "-c", script, words[0], name, *words[1:]]
    # The name has to stand near the front, as in a real command line.
    command[1:1] = ["-X", f"opskit_{name}"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        yield
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def slot(number: int = 0, decoded: int = 5, *, busy: bool = True, task: int = 3, **more: object) -> dict[str, object]:
    shown = {"id": number, "n_ctx": 4096, "is_processing": busy, "id_task": task, "n_prompt_tokens_processed": 9}
    return {**shown, "next_token": [{"n_decoded": decoded}], **more}


def look(
    first: object, second: object = None, status: int = 200, cpu: tuple[float, float] | None = (1.0, 1.0),
    resident: tuple[int, int] = (1 << 30, 1 << 30), **more: object,
) -> dict[str, object]:  # fmt: skip
    def said(body: object, code: int) -> dict[str, object]:
        return {"url": "http://127.0.0.1:4000/slots", "status": code, "body": json.dumps(body)}

    work = (
        [{"resident": size, "cpu_s": used} for size, used in zip(resident, cpu, strict=True)] if cpu else [None, None]
    )
    found = {"port": 4000, "first": said(first, status), "work_before": work[0], "work_after": work[1]}
    return {**found, "second": said(second, 200 if status == 200 else status) if second is not None else None, **more}


def read(*looks: dict[str, object], all_seen: bool = True) -> Reading:
    data = json.dumps({"looks": looks, "all_seen": all_seen}).encode()
    return replay("runner", (Raw("runner.json", data, "runner"),))


def some(reading: Reading, *names: str) -> tuple[object, ...]:
    return tuple(reading.facts[name] for name in names)


def test_a_runner_of_the_server_is_found_and_its_answers_get_on() -> None:
    port = refused_port()
    looks = [[200, [slot(decoded=5, prompt="hunter22 secret question"), slot(1, busy=False)]], [200, [slot(decoded=9)]]]
    with serving(b"") as server, process(_SERVER, looks, port):
        found, seen = runners(server.url)
        assert ([(one.port, one.context) for one in found], seen) == ([(port, 4096)], True)
        raws = collect("runner", 2.5, ollama=server.url)
    reading = replay("runner", raws)
    assert some(reading, "runners", "answered", "timed_out", "busy", "advancing") == (1, True, False, 1, True)
    assert some(reading, "slots", "most_decoded", "context", "loading") == (1, 9, 4096, False)
    assert b"hunter22" not in raws[0].data
    assert b"tokens so far" in reading.evidence["advancing"][0].text.encode()


def test_a_runner_that_takes_connections_and_keeps_silent_is_found() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        serving(b"") as server,
        process(_QUIET, [], silent.getsockname()[1]),
    ):
        reading = ask("runner", 2.5, ollama=server.url)
    assert some(reading, "runners", "answered", "timed_out", "busy") == (1, False, True, None)
    assert "no answer in time" in str(reading.reason("busy"))


def test_no_runner_is_no_place_taken_where_the_server_is_seen() -> None:
    with serving(b"") as server:
        reading = ask("runner", 0.3, ollama=server.url)
    assert some(reading, "runners", "busy", "advancing", "loading", "timed_out") == (0, 0, False, False, False)
    assert "no runner is seen" in str(reading.reason("context"))


def test_of_a_server_elsewhere_nothing_is_told() -> None:
    assert runners("http://192.0.2.7:11434") == ([], False)
    facts = read(all_seen=False).facts
    assert (facts.pop("load_unclear"), set(facts.values())) == (False, {None})


def test_a_llama_server_of_somebody_else_is_none_of_ollamas() -> None:
    port = refused_port()
    with process(_QUIET, [], port, model="/home/bob/model.gguf"):
        assert port not in {one.port for one in runners(f"http://127.0.0.1:{refused_port()}")[0]}
    with process(_QUIET, [], port):
        assert port in {one.port for one in runners(f"http://127.0.0.1:{refused_port()}")[0]}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([slot(decoded=5)], [slot(decoded=6)], True),
        ([slot(decoded=5)], [slot(busy=False)], True),
        ([slot(decoded=5)], [slot(decoded=1, task=4)], True),
        ([slot(n_prompt_tokens_processed=5)], [slot(n_prompt_tokens_processed=517)], True),
        ([slot(), slot(1, 8)], [slot(), slot(1, 9)], True),
        ([slot()], [slot()], False),
        ([slot()], None, None),
        ([slot(busy=False)], [slot(busy=True)], None),
        ([], [], None),
        ([slot(next_token={"n_decoded": 5})], [slot(next_token={"n_decoded": 6})], True),
    ],
)
def test_whether_answers_get_on(first: object, second: object, expected: bool | None) -> None:
    assert read(look(first, second)).facts["advancing"] is expected


def test_a_runner_that_computes_without_telling_is_not_said_to_hang() -> None:
    assert read(look([slot()], [slot()], cpu=(1.0, 1.5))).facts["advancing"] is None
    assert read(look([slot()], [slot()], cpu=None)).facts["advancing"] is False
    still, moving = look([slot()], [slot()]), look([slot(decoded=1)], [slot(decoded=2)])
    assert read(still, moving).facts["advancing"] is True
    assert read(still, still).facts["advancing"] is False


def test_counts_of_all_runners() -> None:
    reading = read(
        look([slot(decoded=5)], [slot(decoded=7), slot(1, busy=False)]), look([slot(decoded=900, n_ctx=512)])
    )
    assert some(reading, "runners", "slots", "busy", "most_decoded", "least_decoded", "context") == (
        2,
        3,
        2,
        900,
        7,
        512,
    )


LOADING = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"cpu": (1.0, 1.2)}, True),
        ({"resident": (1 << 30, (1 << 30) + (4 << 20))}, True),
        ({"cpu": None}, None),
        ({"work_after": None}, None),
    ],
)
def test_a_load_that_gets_on_is_told_from_one_that_stalls(more: dict[str, Any], expected: bool | None) -> None:
    reading = read(look(LOADING, LOADING, status=503, **more))
    assert some(reading, "loading", "load_advancing", "busy") == (True, expected, None)


def test_a_load_that_stops_for_a_moment_gets_a_third_look() -> None:
    looks = [[503, LOADING], [503, LOADING], [200, [slot(busy=False)]]]
    port = refused_port()
    with serving(b"") as server, process(_SERVER, looks, port):
        time.sleep(1.1)  # one that has just begun is looked at once more
        reading = ask("runner", 3.0, ollama=server.url)
    assert some(reading, "loading", "load_advancing") == (True, True)


def test_what_a_process_takes_in_its_first_second_is_no_progress() -> None:
    def load(age_s: float, cpu_s: float) -> Reading:
        before, after = ({"resident": 1 << 30, "cpu_s": used, "age_s": age_s} for used in (0.0, cpu_s))
        return read(look(LOADING, LOADING, status=503, work_before=before, work_after=after))

    told = [some(load(age, 0.5), "load_advancing", "load_unclear") for age in (0.1, 0.9, 1.1)]
    assert told == [(None, True), (None, True), (True, False)]
    assert some(load(0.1, 0.0), "load_advancing", "load_unclear") == (False, False)


def test_a_load_is_judged_when_its_process_has_begun() -> None:
    port = refused_port()
    with serving(b"") as server, process(_SERVER, [[503, LOADING]], port):
        raws = collect("runner", 2.6, ollama=server.url)
    before = json.loads(raws[0].data)["looks"][0]["work_before"]
    assert before["age_s"] >= 1.0
    assert some(replay("runner", raws), "loading", "load_advancing") == (True, False)


def test_another_503_and_other_answers_are_no_loading() -> None:
    assert read(look({"error": "no slot available"}, status=503)).facts["loading"] is False
    assert some(read(look({"error": "not enabled"}, status=501)), "answered", "busy", "loading") == (True, None, False)
    assert read(look([slot()], [slot()])).facts["load_advancing"] is None


@pytest.mark.parametrize("body", ["x", {}, [1], [{"id": "0"}], [{"next_token": [7]}], [{"n_ctx": 10**30}], None])
def test_places_that_are_none_are_not_told(body: object) -> None:
    assert read(look(body)).facts["busy"] is None


def test_damaged_evidence_is_read_or_refused() -> None:
    data = json.dumps({"looks": [look([slot()], [slot(decoded=6)]), look(LOADING, status=503)]}).encode()
    found, args = make("runner")
    chance = random.Random(3)
    for harm in HARMS:
        for _ in range(40):
            try:
                checked(found, found.read((Raw("runner.json", harm(data, chance), "x"),), args, NOW))
            except ProbeError:
                continue
    assert msgspec.json.decode(data)
