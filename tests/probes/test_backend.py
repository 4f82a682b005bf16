"""Clawdbot's way to the gateway: what its configuration names, asked with its own key, which is kept nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from opskit.probes.backend import Backend, knock
from opskit.probes.backend_told import FROM_HERE, PATH, way_told
from opskit.probes.base import Deadline
from opskit.probes.exchange import Exchange, Failure
from tests.probes.asking import as_nobody, ask, collect, series
from tests.probes.authority import lasting, server_context
from tests.probes.server import Script, Server, Talk, answer, refused_port, serving

KEY = "lab-key-hush-hush-0123"
JSON, HTML = "Content-Type: application/json\r\n", "Content-Type: text/html\r\n"
MODELS = answer(body='{"object":"list","data":[{"id":"qwen3:32b"}]}', headers=JSON)
UI = answer(body='{"status":"ok"}')
NOT_FOUND = answer("404 Not Found", '{"error":"not found"}', JSON)
REFUSED = answer("401 Unauthorized", '{"error":"invalid api key"}', JSON)


def gateway(header: str = "x-api-key", routes: tuple[str, ...] = ("/v1/models",), wants: str = KEY) -> Script:
    """A gateway with a key, and no more than these routes."""

    def script(talk: Talk) -> None:
        head = talk.hear().decode()
        sent = next(
            (line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith(header)), ""
        )
        if sent.removeprefix("Bearer ") != wants:
            talk.sock.sendall(REFUSED)
            return
        path = head.split(" ")[1]
        chat = answer("400 Bad Request", '{"error":"messages is required"}', JSON)
        talk.sock.sendall(NOT_FOUND if path not in routes else chat if path.endswith("completions") else MODELS)

    return script


def written(folder: Path, base: str, more: str = f"  api_key: {KEY}\n") -> str:
    path = folder / "config.yaml"
    path.write_text(f"server: {{port: 8080}}\nbackend:\n  api_base: {base}\n  model: qwen3:32b\n{more}")
    return str(path)


def look(config: str, seconds: float = 5.0, header: str = "X-Api-Key") -> Reading:
    with serving(UI) as ui:
        wanted = {"url": ui.url, "config": config, "gateway": "http://127.0.0.1:18789", "key_header": header}
        return ask("http", seconds, decoy=False, **wanted)


def told(reading: Reading) -> str:
    return str(reading.reason("gateway_path")) + " ".join(map(str, reading.notes))


def paths(reading: Reading) -> list[float | None]:
    return [item.value for item in series(reading, "gateway_path")]


def test_a_gateway_that_takes_the_key_is_good(tmp_path: Path) -> None:
    with serving(gateway()) as server:
        reading = look(written(tmp_path, server.url + "/v1/"))
    assert (paths(reading), reading.facts["ok"]) == ([1.0], True)


def test_the_key_may_be_a_bearer_token_though_nothing_says_so(tmp_path: Path) -> None:
    with serving(gateway("authorization")) as server:
        assert paths(look(written(tmp_path, server.url + "/v1"))) == [1.0]


def test_a_gateway_without_a_list_of_models_is_known_by_its_chat(tmp_path: Path) -> None:
    with serving(gateway(routes=("/v1/chat/completions",))) as server:
        assert paths(look(written(tmp_path, server.url + "/v1"))) == [1.0]


def test_one_whose_model_server_hangs_is_known_by_its_chat(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        if talk.hear().startswith(b"POST"):
            talk.sock.sendall(answer("400 Bad Request", "{}", JSON))
        else:
            talk.hang()

    with serving(script) as server:
        assert paths(look(written(tmp_path, server.url + "/v1"), 1.0)) == [1.0]


def serves(server: Server) -> str:
    return server.url + "/v1"


BAD: list[tuple[Script | bytes, str]] = [
    (gateway(wants="another"), "refuses the key of Clawdbot's configuration (status 401, sent as X-Api-Key)"),
    (NOT_FOUND, "/v1/chat/completions does not exist (status 404)"),
    (answer(body="<!doctype html>", headers=HTML), "answers with a web page (status 200), as no gateway does"),
]


@pytest.mark.parametrize(("script", "said"), BAD)
def test_a_way_that_does_not_lead_to_the_gateway_is_told(script: Script | bytes, said: str, tmp_path: Path) -> None:
    with serving(script) as server:
        reading = look(written(tmp_path, serves(server)))
    assert paths(reading) == [0.0]
    assert said in told(reading)
    assert KEY not in told(reading)


def test_a_certificate_that_only_opskit_does_not_trust_accuses_nobody(tmp_path: Path) -> None:
    with serving(MODELS, server_context(tmp_path, lasting(60))) as server:
        reading = look(written(tmp_path, serves(server)))
    assert paths(reading) == []
    assert "Clawdbot may trust an authority of its own" in told(reading)


def test_a_wrong_port_is_told_with_the_right_one(tmp_path: Path) -> None:
    reading = look(written(tmp_path, f"http://127.0.0.1:{refused_port()}/v1"))
    assert paths(reading) == [0.0]
    assert "nothing listens there; the gateway of opskit.yaml is http://127.0.0.1:18789" in told(reading)


def test_a_base_that_lacks_v1_is_told(tmp_path: Path) -> None:
    with serving(gateway()) as server:
        reading = look(written(tmp_path, server.url))
    assert "api_base lacks /v1" in told(reading)


UNKNOWN: list[tuple[str, Script | bytes, str]] = [
    ("", REFUSED, "wants a key, and"),
    ("  api_key: ${GATEWAY_KEY}\n", REFUSED, "cannot be read"),
    ("  api_key_file: relative/key\n", REFUSED, "cannot be read"),
    ("  api_key: [1]\n", REFUSED, "cannot be read"),
    (f"  api_key: {KEY}\n", answer("403 Forbidden", "{}", JSON), "whether for the key or for this host cannot be told"),
    ("", answer("502 Bad Gateway", "<html>", HTML), "status 502"),
    ("", answer("302 Found", headers="Location: /login\r\n"), "answers status 302"),
    ("", answer(body='{"hello":"world"}', headers=JSON), "answers status 200"),
]


@pytest.mark.parametrize(("more", "script", "said"), UNKNOWN)
def test_what_cannot_be_told_accuses_nobody(more: str, script: Script | bytes, said: str, tmp_path: Path) -> None:
    with serving(script) as server:
        reading = look(written(tmp_path, serves(server), more))
    assert paths(reading) == []
    assert "not checked" in told(reading)
    assert said in told(reading)


FILES = [
    ("backend: {}\n", "names no backend.api_base"),
    ("backend: [api_base]\n", "names no backend.api_base"),
    ("a: [\n", "cannot be used: line 2: no YAML"),
    ("just text", "cannot be used: no keys and values"),
    ("", "cannot be used: no keys and values"),
    ("backend: {api_base: 'ftp://x'}\n", "cannot be used: api_base is no http(s) address"),
    ("backend: {api_base: 'http://u:hush-hush@127.0.0.1/v1'}\n", "cannot be used: a password in api_base"),
    ("backend: {api_base: 5}\n", "names no backend.api_base"),
    ("[" * 500, "cannot be used"),
    ("[" * 200_000, "too many brackets"),
    ("\x00", "cannot be used"),
]


@pytest.mark.parametrize(("text", "said"), FILES)
def test_a_configuration_that_tells_nothing_is_not_guessed_at(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    reading = look(str(path))
    assert said in told(reading)
    assert "hush" not in told(reading)
    assert (paths(reading), reading.facts["ok"]) == ([], True)


def test_without_a_configuration_nothing_is_asked() -> None:
    with serving(UI) as ui:
        reading = ask("http", url=ui.url, decoy=False)
        assert len(ui.heard) == 1
    assert "not checked: stack.clawdbot.config is not set" in told(reading)
    assert "No such file" in told(look("/nonexistent/config.yaml"))


def test_the_key_is_in_no_evidence_though_the_server_repeats_it(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY + "\n")
    config = written(tmp_path, "BASE", f"  api_key_file: {key_file}\n  key_header: X-Own\n")
    echo = answer("401 Unauthorized", f'{{"error":"no such key {KEY}"}}', f"X-Echo: {KEY}\r\nContent-Type: {KEY}\r\n")
    with serving(echo) as server, serving(UI) as ui:
        Path(config).write_text(Path(config).read_text().replace("BASE", server.url))
        data = collect("http", url=ui.url, config=config, decoy=False)[0].data
        assert f"X-Own: {KEY}".encode() in server.heard[0]
        assert b"X-Request-Id: opskit-" in server.heard[0]
    assert KEY.encode() not in data


def test_a_key_that_the_owner_of_the_configuration_could_not_read_is_not_lent(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    config = written(tmp_path, "BASE", f"  api_key_file: {key_file}\n")
    with serving(REFUSED) as server:
        Path(config).write_text(Path(config).read_text().replace("BASE", server.url))
        Path(config).chmod(0o646)
        assert knock(config, "X-Api-Key", Deadline(5)).key == "unreadable"
        if os.geteuid() == 0:
            Path(config).chmod(0o644)
            os.chown(config, 65534, 65534)
            assert knock(config, "X-Api-Key", Deadline(5)).key == "unreadable"
            os.chown(key_file, 65534, 65534)
            assert knock(config, "X-Api-Key", Deadline(5)).key == "sent"
        assert all(KEY.encode() not in heard for heard in server.heard[:2])


@pytest.mark.parametrize(
    ("same", "metric", "noted"), [(True, PATH, False), (None, FROM_HERE, False), (False, None, True)]
)
def test_what_fails_from_here_counts_by_whose_network_this_is(
    same: bool | None, metric: str | None, noted: bool
) -> None:
    base = "http://127.0.0.1:9/v1"
    asked = Exchange(base + "/models", failure=Failure("refused", "connect to", "refused"))
    samples, why, notes = way_told(Backend("/c.yaml", api_base=base, models=asked, same_network=same), base, 0.0)
    assert [(item.metric, item.value) for item in samples] == ([(metric, 0.0)] if metric else [])
    assert set(why) == {item.metric for item in samples}
    assert ["network of its own" in str(note) for note in notes] == ([True] if noted else [])


def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert knock(str(tmp_path / "fifo"), "X-Api-Key", Deadline(1)).text == "not a file"
    config = written(tmp_path, f"http://127.0.0.1:{refused_port()}", f"  api_key_file: {tmp_path}/fifo\n")
    assert knock(config, "X-Api-Key", Deadline(1)).key == "unreadable"


def test_a_file_of_somebody_else_is_said_to_be_hidden(tmp_path: Path) -> None:
    path = Path(written(tmp_path, "http://127.0.0.1:9/v1"))
    path.chmod(0o600)
    given = f"knock({str(path)!r}, 'X-Api-Key', __import__('opskit.probes.base').probes.base.Deadline(1)).problem"
    assert as_nobody(tmp_path, "opskit.probes.backend", given).strip() == "denied"
    assert knock(str(tmp_path), "X-Api-Key", Deadline(1)).problem == "missing"
