"""Finds the running Nginx, and what its configuration says of the chat: where it leads, its logs, its certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from opskit.logs.nginx_certificates import certificate_pairs
from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.model.settings import NginxSettings
from opskit.probes.answer import unpack
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.discovery import Discovery, Found, Missing, Note, Program, program
from opskit.probes.listeners import is_of_this_host
from opskit.probes.nginx_config import Args, NginxConfigProbe
from opskit.probes.nginx_config_evidence import Config
from opskit.probes.nginx_config_level import DoubtError, Level
from opskit.probes.nginx_config_server import Server
from opskit.probes.nginx_config_site import Site

_MASTER = "nginx: master process"
_OPTION = regex(r"\s-(?P<option>[cp])\s+(?P<value>\S+)")
_HTTPS = 443


class Front:
    """The Nginx of this host. `api` and `chat` are `host:port` of the services behind it, None where it names none."""

    def __init__(self, conf: str | None = None) -> None:
        self.api: str | None = None
        self.chat: str | None = None
        self.where: dict[str, Message] = {}
        masters = list(_masters())
        fitting = [each for each in masters if conf is None or _conf_of(each) == conf]
        usual = [each for each in fitting if _conf_of(each) == NginxSettings().conf]
        self._given, self._others = conf, len(masters) - 1 if conf is None else 0
        self._master = next(iter((*usual, *fitting)), None)

    def discover(self, deadline: Deadline) -> Iterator[Discovery]:
        """Yield what is found; afterwards `api` and `chat` are known."""
        conf = self._conf()
        if conf is None:
            path = self._given or NginxSettings().conf
            yield Missing("nginx", say("no Nginx runs here, and there is no {path}", path=path))
            return
        if self._others > 0:
            yield Note("nginx", say("{n} others run here: --nginx-conf says which one is meant", n=self._others))
        yield Found("stack.nginx.conf", conf, self._how(conf))
        probe, args = NginxConfigProbe(), Args(conf)
        try:
            raws = probe.collect(args, deadline)
            reading = probe.read(raws, args, datetime.now(UTC))
            config = unpack(raws, Config)
        except ProbeError as error:
            yield Missing("nginx", error.reason)
            return
        for fact, name in (("api_upstream", "api"), ("chat_upstream", "chat")):
            value = reading.facts.get(fact)
            if isinstance(value, str) and value:
                setattr(self, name, value)
                evidence = reading.evidence.get(fact, ())
                place = evidence[0].where if evidence else conf
                self.where[name] = say("Nginx passes it on: {place}", place=place)
        yield from self._site(Site(config, "", "", ""), conf)
        yield from self._logs()

    def _conf(self) -> str | None:
        if self._master is not None:
            return _conf_of(self._master)
        path = self._given or NginxSettings().conf
        return path if Path(path).is_file() else None

    def _how(self, conf: str) -> Message:
        if self._master is None:
            return say("the file is there; Nginx does not run")
        return say("the Nginx that runs (process {pid}) has read {path}", pid=self._master.pid, path=conf)

    def _site(self, site: Site, conf: str) -> Iterator[Discovery]:
        try:
            server = site.chat().server
        except DoubtError as doubt:
            yield Missing("stack.nginx.url", doubt.reason)
        else:
            yield from _of_server(server)
        try:
            pairs = certificate_pairs(conf)[0]
        except (OSError, ValueError, RuntimeError):
            pairs = []
        if pairs:
            files = tuple(dict.fromkeys(pair.certificate for pair in pairs))
            yield Found("certificates.files", files, say("Nginx loads them"))

    def _logs(self) -> Iterator[Discovery]:
        """What the master has open: it names the true files, whatever variables and levels the configuration has."""
        for kind in ("access", "error"):
            path = next((each for each in self._files() if kind in Path(each).name), None)
            usual = getattr(NginxSettings(), f"{kind}_log")
            key = f"stack.nginx.{kind}_log"
            if path is not None:
                yield Found(key, path, say("Nginx writes it"))
            elif Path(usual).exists():
                yield Found(key, usual, say("the file is there"))
            else:
                yield Missing(key, say("not found: name the file, or run opskit init as root"))

    def _files(self) -> tuple[str, ...]:
        return () if self._master is None else self._master.files


def _masters() -> Iterator[Program]:
    for process in psutil.process_iter():
        try:
            title = " ".join(process.cmdline())
        except (psutil.Error, OSError):
            continue
        if title.startswith(_MASTER) and (told := program(process.pid)) is not None:
            yield told


def _conf_of(master: Program) -> str:
    options = {found["option"]: found["value"] for found in _OPTION.finditer(" ".join(master.words))}
    conf, prefix = options.get("c"), options.get("p", "")
    return str(Path(prefix, conf)) if conf else NginxSettings().conf


def _of_server(server: Server) -> Iterator[Discovery]:
    listen = next((each for each in server.listens if each.tls and each.port), None) or server.listens[0]
    scheme = "https" if listen.tls else "http"
    name = next((each for each in server.names if "." in each and each[0] not in "~*._" and each[-1] != "*"), "")
    host = listen.host if listen.host and listen.host[0].isdigit() else "127.0.0.1"
    how = say("the server of the chat: {place}", place=_place(server.level))
    reachable = name if name and is_of_this_host(name) else host
    usual = {"https": _HTTPS, "http": 80}[scheme]
    port = "" if listen.port == usual else f":{listen.port}"
    yield Found("stack.nginx.url", f"{scheme}://{reachable}{port}/", how)
    if listen.tls:
        endpoint = f"{reachable}:{listen.port}" + (f"/{name}" if name and reachable != name else "")
        yield Found("certificates.endpoints", (endpoint,), how)


def _place(level: Level) -> str:
    return level.place(level.block)
