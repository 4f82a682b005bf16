"""The configuration of the lab's Nginx, rendered from templates beside this file into a prefix of its own.

`reference` is the site of the reference deployment with its weaknesses, `recommended` the same without them. The layout
(sites-available, sites-enabled, certificates in live/<domain>/) is the reference deployment's; nothing is shared with
an Nginx of this host.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

import msgspec

Profile = Literal["reference", "recommended"]
SITE = "qwen3-prod"
SERVER_NAME = "chat.example.test"
_TEMPLATES = Path(__file__).parent
_FOLDERS = ("logs", "temp", "html", "sites-available", "sites-enabled")
_API = {"reference": "proxy_pass http://gateway_backend/;", "recommended": "proxy_pass http://gateway_backend;"}


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a fault may change. `http`, `server`, `location` (every proxied one), `chat` and `api` take directives.

    `clawdbot` and `gateway` are the upstreams as `host:port`. `profile`, None, leaves that of the lab.
    """

    http_port: int
    https_port: int
    clawdbot: str
    gateway: str
    profile: Profile = "reference"
    connections: int = 1024
    error_level: str = "error"
    http: str = ""
    server: str = ""
    location: str = ""
    root: str = "proxy_pass http://clawdbot_backend;"
    chat: str = ""
    api: str | None = None


def binary() -> str | None:
    """Return the path of the installed nginx, which is rarely on the PATH of an ordinary user."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def prepare(prefix: Path) -> None:
    """Make the folders."""
    for folder in _FOLDERS:
        (prefix / folder).mkdir(parents=True, exist_ok=True)
    (prefix / "html" / "index.html").write_text(
        "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body>It runs.</body></html>\n", "utf-8"
    )


def render(prefix: Path, site: Site, certificates: Path) -> None:
    """Write nginx.conf and the site; a running Nginx takes them over with SIGHUP."""
    values = {
        # Workers of root would become `nobody`, who may not enter a private directory.
        "user": "user root root;" if os.geteuid() == 0 else "",
        "prefix": str(prefix),
        "certificates": str(certificates),
        "server_name": SERVER_NAME,
        **{key: str(value) for key, value in msgspec.structs.asdict(site).items()},
        "api": site.api or _API[site.profile],
    }
    (prefix / "nginx.conf").write_text(_filled("nginx.conf", values), "utf-8")
    available = prefix / "sites-available" / SITE
    available.write_text(_filled(f"{site.profile}.conf", values), "utf-8")
    enabled = prefix / "sites-enabled" / SITE
    if not enabled.is_symlink():
        enabled.symlink_to(available)


def command(nginx: str, prefix: Path) -> list[str]:
    """The command line. -e keeps messages from before `error_log` is read out of the host's own log directory."""
    return [nginx, "-e", str(prefix / "logs" / "error.log"), "-p", str(prefix), "-c", str(prefix / "nginx.conf")]


def _filled(template: str, values: dict[str, str]) -> str:
    text = (_TEMPLATES / template).read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
