"""What the configuration of Nginx makes of a chat: streams held back, paths changed, limits and headers lost.

`collect` reads the files and keeps the directives that matter; `read` follows the requests of a chat through them, as
Nginx would, and says of each weakness in which line it is. What a variable, a program or an unread file decides is
None. The configuration is that of the files: whether the running Nginx has read them is a fact of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime

import msgspec
import psutil

from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.nginx_config_api import tell_api
from opskit.probes.nginx_config_chat import tell_chat
from opskit.probes.nginx_config_evidence import Config
from opskit.probes.nginx_config_findings import Findings
from opskit.probes.nginx_config_log import tell_log
from opskit.probes.nginx_config_site import Site
from opskit.probes.nginx_config_state import tell_state
from opskit.probes.nginx_config_static import tell_static

_SHARE = 0.6


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The main file, and the URLs by which the site, the gateway and Clawdbot are known in it."""

    conf: str = "/etc/nginx/nginx.conf"
    url: str = ""
    gateway: str = ""
    clawdbot: str = ""
    access_log: str = ""


class Facts(msgspec.Struct, frozen=True):
    """`api_...` of the location that serves /v1/chat/completions, `chat_...` of that for /api/chat or the page itself.

    `buffering_set`: a directive switches buffering on for the API; without one it is on as well, but nobody chose it.
    Buffered, gzipped and limited is what the configuration says; a service may switch buffering off for an answer of
    its own (X-Accel-Buffering). `..._limit_bytes` is -1 where there is no limit. `api_passed_path` is what the gateway
    gets; `refuses_status` is what Nginx itself answers to every question of the chat (`return`, `deny all`), 0 where it
    passes them on. `headers_lost` counts locations whose own `add_header` drops security headers of the levels around
    them.
    """

    readable: bool | None = None
    syntax_ok: bool | None = None
    changed_since_start: bool | None = None
    api_buffered: bool | None = None
    chat_buffered: bool | None = None
    buffering_set: bool | None = None
    api_gzip: bool | None = None
    tls: bool | None = None
    api_read_timeout_s: float | None = None
    chat_read_timeout_s: float | None = None
    api_path_kept: bool | None = None
    api_passed_path: str | None = None
    api_upstream: str | None = None
    chat_upstream: str | None = None
    api_to_gateway: bool | None = None
    chat_to_clawdbot: bool | None = None
    upgrade_headers: bool | None = None
    body_limit_bytes: int | None = None
    body_limit_chat_bytes: int | None = None
    headers_lost: int | None = None
    static_unserved: bool | None = None
    rate_limited: bool | None = None
    request_buffered: bool | None = None
    log_has_request_id: bool | None = None
    log_has_upstream_times: bool | None = None
    plain_http_served: bool | None = None
    root_only: bool | None = None
    refuses_status: int | None = None


class NginxConfigProbe(Probe[Args]):
    """Reads the files below `stack.nginx.conf`."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured file, and where the parts are."""
        stack = settings.stack
        nginx = stack.nginx
        return Args(nginx.conf, nginx.url, stack.gateway.url, stack.clawdbot.url, nginx.access_log)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the configuration, and see since when the running Nginx has had it."""
        from opskit.probes.nginx_config_binary import Program  # what reads files is not needed for a bundle
        from opskit.probes.nginx_config_files import Files
        from opskit.probes.nginx_config_running import running

        deadline.enter(say("read {path}", path=args.conf))
        files = Files(args.conf, deadline.before(deadline.left * (1 - _SHARE)))
        try:
            partial = files.read()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ProbeError(say("{path} cannot be read: {why}", path=args.conf, why=why)) from None
        config = files.config
        deadline.enter(say("look for the process of Nginx"))
        pid_file = next((each.args[0] for each in config.directives if each.name == "pid" and each.args), None)
        found, hidden = running(args.conf, pid_file)
        program = Program(files.modules)
        config = msgspec.structs.replace(
            config,
            partial=partial,
            running=found,
            hidden=hidden,
            version=program.version,
            refused=program.refused(config.strange),
            own=_own_addresses(),
        )
        return (pack("nginx-config.json", config, args.conf),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Follow the requests of a chat through the configuration."""
        config = unpack(raws, Config)
        findings = Findings(config, now.timestamp())
        tell_state(findings)
        if config.faults or config.refused:
            # Nginx does not run with these files, and what they mean is not certain.
            findings.leave_out(Facts.__struct_fields__, say("the configuration has a mistake, so Nginx cannot load it"))
        else:
            site = Site(config, args.url, args.gateway, args.clawdbot)
            tell_api(findings, site)
            tell_chat(findings, site)
            tell_static(findings, site)
            tell_log(findings, site, args.access_log)
        facts = as_facts(Facts(**findings.facts))  # type: ignore[arg-type]  # named and typed where they are told
        return Reading(facts, findings.evidence, findings.why, (), tuple(findings.notes))


def _own_addresses() -> list[str]:
    try:
        found = {each.address.partition("%")[0] for rows in psutil.net_if_addrs().values() for each in rows}
    except (psutil.Error, OSError):
        return []
    return sorted(text for text in found if _is_address(text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
