"""Finds the gateway, Clawdbot, Ollama and its model, by the ports that lead to them and the processes behind those."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import psutil

from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.model.settings import ClawdbotSettings, GatewaySettings, OllamaSettings
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.connections import Listing
from opskit.probes.discovery import (
    Discovery,
    Found,
    Missing,
    Note,
    Program,
    asked_by,
    listener,
    listens,
    serving,
)
from opskit.probes.discovery_nginx import Front
from opskit.probes.exchange import Target, exchange

_T = TypeVar("_T")
_LOOK_S = 2.0
_UNIT = regex(r"/(?P<unit>[A-Za-z0-9@._:\\-]+)\.service")
_MOST_PORTS = 20
_MOST_BYTES = 1 << 20
_GATEWAY_CONFIG = "/etc/qwen-gateway/config.yaml"
_OLLAMA_API = regex(
    r"""["']?ollama_api["']?\s*:\s*["']?(?P<url>https?://[A-Za-z0-9.:\[\]_-]+/?)["']?\s*(?:[,}#\n]|$)"""
)
_TELLING = ("OLLAMA_", "CUDA_VISIBLE_DEVICES", "GGML_CUDA")


class _Model(msgspec.Struct):
    name: str = ""


class _Models(msgspec.Struct):
    models: list[_Model] = []


class _Version(msgspec.Struct):
    version: str


def gateway(found: Listing, front: Front) -> Iterator[Discovery]:
    """Yield where the gateway is, and its log."""
    usual = GatewaySettings()
    port, how = _port(front.api, usual.url, front.where.get("api"), found)
    if port is None:
        advice = say("nothing listens at {url}, and Nginx leads to no other: set stack.gateway.url", url=usual.url)
        yield Missing("gateway", advice)
        return
    by = listener(found, port)
    yield from _url("stack.gateway.url", port, by, how)
    yield from _log("stack.gateway.log", by, usual.log)
    yield Missing(
        "stack.gateway.api_key_file", say("a file with a key of opskit's own: without one latency is UNKNOWN")
    )


def clawdbot(found: Listing, front: Front) -> Iterator[Discovery]:
    """Yield where the chat page's server is, its configuration and its log."""
    usual = ClawdbotSettings()
    port, how = _port(front.chat, usual.url, front.where.get("chat"), found)
    if port is None:
        yield Missing("clawdbot", say("nothing listens at {url}: set stack.clawdbot.url", url=usual.url))
        return
    by = listener(found, port)
    yield from _url("stack.clawdbot.url", port, by, how)
    if by is not None and by.config is not None and by.config.endswith((".yaml", ".yml")):
        yield serving("stack.clawdbot.config", by.config, by, port)
    if by is not None and by.log is not None:
        yield Found("stack.clawdbot.log", by.log, _writes(by))


def ollama(found: Listing, gateway_port: int | None) -> Iterator[Discovery]:
    """Yield where the model server is, its log, and the model that the chat most likely uses."""
    for url, how in _candidates(found, gateway_port):
        version = _asked(f"{url}/api/version", _Version)
        if version is None:
            continue
        answers = say("{how}; it answers as Ollama {version}", how=how, version=version.version)
        yield Found("stack.ollama.url", url, answers)
        by = listener(found, urlsplit(url).port or 0)
        yield from _ollama_log(by)
        yield from _model(url)
        yield from _environment(by)
        return
    yield Missing("ollama", say("nothing answers as Ollama: set stack.ollama.url and stack.ollama.model"))


def _port(named: str | None, usual: str, how: Message | None, found: Listing) -> tuple[int | None, Message]:
    """The port that Nginx names, else the usual one where somebody listens there."""
    if named is not None:
        port = urlsplit(f"//{named}").port
        if port is not None:
            return port, how or say("Nginx passes it on")
    port = urlsplit(usual).port or 0
    return (port if listens(found, port) else None), say("somebody listens at the usual port")


def _url(key: str, port: int, by: Program | None, how: Message) -> Iterator[Discovery]:
    url = _local(port)
    if by is None:
        yield Found(key, url, how)
    else:
        yield Found(key, url, say("{how}; there {name} (process {pid})", how=how, name=by.name, pid=by.pid))


def _log(key: str, by: Program | None, usual: str) -> Iterator[Discovery]:
    if by is not None and by.log is not None:
        yield Found(key, by.log, _writes(by))
    elif Path(usual).exists():
        yield Found(key, usual, say("the file is there"))
    else:
        yield Missing(key, say("not found: name the file, or run opskit init as root"))


def _writes(by: Program) -> Message:
    return say("{name} (process {pid}) writes it", name=by.name, pid=by.pid)


def _candidates(found: Listing, gateway_port: int | None) -> Iterator[tuple[str, Message]]:
    """Yield where Ollama may be, the most likely first: where the gateway asks, its own process, the usual port."""
    urls = dict[str, Message]()
    by = listener(found, gateway_port) if gateway_port is not None else None
    configured = _ollama_api(by)
    if configured is not None:
        urls[configured[0]] = say("the gateway asks it, by ollama_api in {path}", path=configured[1])
    for port in asked_by(found, by.pid) if by is not None else ():
        urls.setdefault(_local(port), say("the gateway has connections to it"))
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "ollama":
            mine = [each for each in found if each.pid == process.pid and each.status == psutil.CONN_LISTEN]
            for each in mine:
                urls.setdefault(_local(each.laddr[1]), say("ollama (process {pid}) listens there", pid=process.pid))
    usual = OllamaSettings().url
    if listens(found, urlsplit(usual).port or 0):
        urls.setdefault(usual, say("the usual port"))
    yield from list(urls.items())[:_MOST_PORTS]


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _ollama_api(by: Program | None) -> tuple[str, str] | None:
    """The address in the gateway's own configuration, and that file. Nothing else of it is read: it holds keys."""
    path = by.config if by is not None and by.config is not None else _GATEWAY_CONFIG
    try:
        text = Path(path).read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return None
    found = _OLLAMA_API.search(text)
    return (found["url"].rstrip("/"), path) if found else None


def _ollama_log(by: Program | None) -> Iterator[Discovery]:
    if by is None:
        yield Missing("stack.ollama.log", say("its process is hidden: the journal of the unit ollama is assumed"))
        return
    unit = _unit(by.pid)
    if unit is not None:
        yield Found("stack.ollama.log", f"unit:{unit}", say("its process {pid} belongs to that unit", pid=by.pid))
    elif by.log is not None:
        yield Found("stack.ollama.log", by.log, _writes(by))
    else:
        yield Missing("stack.ollama.log", say("process {pid} writes no log that is seen: name the file", pid=by.pid))


def _environment(by: Program | None) -> Iterator[Discovery]:
    """What Ollama was told by its environment: it decides on parallel answers, context and memory."""
    try:
        found = psutil.Process(by.pid).environ() if by is not None else {}
    except (psutil.Error, OSError):
        found = {}
    words = [f"{name}={value}" for name, value in sorted(found.items()) if name.startswith(_TELLING)]
    if words:
        yield Note("ollama", say("its environment: {words}", words=redact(" ".join(words))))


def _unit(pid: int) -> str | None:
    """The systemd unit of a process, by its control group."""
    try:
        group = Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace")
    except OSError:
        return None
    units = [found["unit"] for found in _UNIT.finditer(group)]
    return next((unit for unit in reversed(units) if not unit.startswith(("user@", "session-"))), None)


def _model(url: str) -> Iterator[Discovery]:
    """The model that is loaded, else the only one that is there, or the first of several."""
    loaded, there = (_asked(f"{url}/api/{name}", _Models) for name in ("ps", "tags"))
    for models, how in ((loaded, say("Ollama has it loaded")), (there, say("Ollama has it"))):
        if models is not None and models.models:
            more = len(models.models) - 1
            told = say("{how}, and {n} others", how=how, n=more) if more else how
            yield Found("stack.ollama.model", models.models[0].name, told)
            return
    yield Missing("stack.ollama.model", say("Ollama has no model: name the one that the chat uses"))


def _asked(url: str, kind: type[_T]) -> _T | None:
    """What an address answers, None where that is no such thing."""
    try:
        answer = exchange(Target(url), Deadline(_LOOK_S))
        return msgspec.json.decode(answer.body, type=kind) if answer.status == 200 else None
    except (ProbeError, msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
