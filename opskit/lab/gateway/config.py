"""The gateway's config file. Keys and defaults are those of the contract; the rest has defaults of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from opskit.lab.part import ConfigError, read_config

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Level = Literal["debug", "info", "warn", "warning", "error"]

# Bugs that gateways really have; the numbers are those of the catalogue of what makes a chat get stuck.
Defect = Literal[
    "no_done",  # 22: the stream ends without [DONE] and its connection stays open
    "no_flush",  # 22: the whole stream is held back until its end
    "split_events",  # 22: every other event is cut in its middle and the rest of it lost
    "block_event_loop",  # 19: one call to Ollama is made synchronously, nobody else is served meanwhile
    "database_lock",  # 19: what it does before it asks Ollama never comes to an end; /health needs none of it
    "one_worker",  # 19: requests are served strictly one at a time, /health too
    "breaker_stuck",  # 18: once open, the breaker never lets a request through again
    "no_first_byte_timeout",  # 20: a silent Ollama is waited for without end
    "short_timeout",  # 20: 5 s for the whole answer, however well it flows
    "keep_generating",  # 21: the client leaves, Ollama goes on generating for nobody
    "num_ctx_flip",  # 33: asks with another context size each time, so that Ollama reloads the model each time
    "drop_thinking",  # 39: what the model thinks is not forwarded; the user sees nothing for that long
    "error_500",  # converting the request fails with an exception that nobody expected
]


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many requests one address may make within a window that slides."""

    enabled: bool = True
    max_requests: Annotated[int, msgspec.Meta(ge=0)] = 30
    window_seconds: Seconds = 60


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which keys are good, and the header they come in."""

    enabled: bool = True
    header_key: Annotated[str, msgspec.Meta(min_length=1)] = "X-Api-Key"
    valid_keys: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()


class Whitelist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may ask at all: addresses and networks."""

    enabled: bool = True
    ips: tuple[str, ...] = ("127.0.0.1", "10.0.0.0/16")


class BreakerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After how many failures in a row Ollama is left alone, and for how long."""

    failures: Count = 5
    open_seconds: Seconds = 10


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: Annotated[str, msgspec.Meta(pattern=r"^[^\s]*:[0-9]{1,5}$")] = ":18789"
    ollama_api: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$")] = "http://127.0.0.1:11434"
    log: Annotated[str, msgspec.Meta(min_length=1)] = "/var/log/qwen-gateway.log"
    log_level: Level = "info"
    rate_limit: RateLimit = RateLimit()
    auth: Auth = Auth()
    whitelist: Whitelist = Whitelist()
    trusted_proxies: tuple[str, ...] = ()
    user_header: Annotated[str, msgspec.Meta(min_length=1)] = "X-User-Id"
    max_prompt_chars: Count = 32768
    max_tokens: Count | None = None
    first_byte_timeout_seconds: Seconds = 3
    idle_timeout_seconds: Seconds = 120
    breaker: BreakerSettings = BreakerSettings()
    defects: tuple[Defect, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        """Host, empty for all interfaces, and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read addresses and networks; `10.0.3.7/16` is the network that it lies in, as Go reads it."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def load(path: Path) -> Config:
    """Return the settings of a file; raises ConfigError."""
    config = read_config(path, Config)
    for key, texts in (("whitelist.ips", config.whitelist.ips), ("trusted_proxies", config.trusted_proxies)):
        try:
            networks(texts)
        except ValueError as error:
            raise ConfigError(f"{path}: {key}: {error}") from error
    if config.address[1] > 65535:
        raise ConfigError(f"{path}: listen: no such port in {config.listen!r}")
    return config
