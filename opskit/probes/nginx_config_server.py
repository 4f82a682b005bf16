"""The `server` blocks of a configuration: where each listens, whether with TLS, and for which names."""

from __future__ import annotations

from typing import NamedTuple

from opskit.probes.nginx_config_evidence import UNREAD, Config, Directive
from opskit.probes.nginx_config_level import Level, blocks

_HTTP = 80
_LOOPBACK = ("127.", "localhost", "[::1]")


class Listen(NamedTuple):
    """One `listen`; `host` is empty for every address, `port` 0 for a socket of the file system."""

    host: str
    port: int
    tls: bool
    default: bool

    @property
    def is_outside(self) -> bool:
        """Whether others than this host itself can reach it."""
        return bool(self.port) and not self.host.startswith(_LOOPBACK)


class Server(NamedTuple):
    """One `server` block."""

    level: Level
    listens: tuple[Listen, ...]
    names: tuple[str, ...]

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS anywhere."""
        return any(each.tls for each in self.listens)


def http_of(config: Config) -> Level | None:
    """The `http` block; what stands in the file of a site alone is as if inside of one that cannot be read."""
    if config.partial:
        outside = Directive(UNREAD, ("http", "it stands in another file"))
        return Level(config, Directive("http", block=(*config.directives, outside)), None)
    found = blocks(config.directives, "http")
    return Level(config, found[-1], None) if found else None


def servers_of(http: Level) -> list[Server]:
    """All of them, in order."""
    return [_server(http.below(each)) for each in blocks(http.own, "server")]


def _server(level: Level) -> Server:
    old = any(each.args[:1] == ("on",) for each in level.named("ssl"))
    listens = tuple(_listen(each, old) for each in level.named("listen")) or (Listen("", _HTTP, old, False),)
    names = tuple(name.lower() for each in level.named("server_name") for name in each.args)
    return Server(level, listens, names)


def _listen(each: Directive, old: bool) -> Listen:
    address, *flags = each.args or ("",)
    host, port = "", 0
    if not address.startswith("unix:"):
        host, _, last = address.rpartition(":")
        if last.isdecimal() and len(last) < 6:
            port = int(last)
        else:
            host, port = address, _HTTP
    wide = host in {"*", "0.0.0.0", "[::]"}  # noqa: S104  # compared, not listened at
    tls = old or bool({"ssl", "quic"} & {*flags})
    return Listen("" if wide else host, port, tls, bool({"default_server", "default"} & {*flags}))


def fits(server: Server, host: str) -> bool:
    """Whether one of its names is this one: exactly, or by a `*` at its beginning or end."""
    return any(
        name == host
        or (name.startswith("*.") and host.endswith(name[1:]))
        or (name.startswith(".") and (host == name[1:] or host.endswith(name)))
        or (name.endswith(".*") and host.startswith(name[:-1]))
        for name in server.names
    )
