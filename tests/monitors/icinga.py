"""A real Icinga 2 in a folder of its own, as the user of the tests, with one host and the services it is given."""

from __future__ import annotations

import grp
import json
import os
import pwd
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.guard import watched
from tests.lab.running_lab import end_all
from tests.monitors.watch import ROOT, environment, waited_for
from tests.notify.authority import Authority

PASSWORD = "correct-horse-7"
ROOM = """
const NodeName = "localhost"
const ZoneName = "localhost"
include <itl>
object Endpoint NodeName {}
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" {}
object ApiListener "api" { bind_host = "127.0.0.1"; bind_port = %(port)d }
object ApiUser "opskit" { password = "%(password)s"; permissions = [ "actions/process-check-result" ] }
object ApiUser "reader" { password = "%(password)s"; permissions = [ "objects/query/*", "actions/reschedule-check" ] }
object ApiUser "machine" { client_cn = "chat1.example.com"; permissions = [ "actions/process-check-result" ] }
object CheckCommand "opskit" { command = %(command)s + [ "$opskit_check$" ] }
object Host "chat1" { check_command = "dummy"; enable_active_checks = false }
template Service "watched" { host_name = "chat1"; check_interval = 10m; max_check_attempts = 1 }
template Service "told" {
  import "watched"
  check_command = "dummy"
  vars.dummy_state = 3
  vars.dummy_text = "no result for too long"
}
"""


class Icinga:
    """`url` of the API; `service` shows what Icinga knows."""

    def __init__(self, folder: Path, port: int, authority: Authority) -> None:
        self.folder = folder
        self.url = f"https://localhost:{port}"
        self.authority = authority

    def service(self, name: str) -> dict[str, Any] | None:
        """The attributes of a service that has a result, None for one that has none, or where Icinga is not up."""
        try:
            attributes: dict[str, Any] = self._ask(f"/v1/objects/services/chat1!{name}")["results"][0]["attrs"]
        except OSError:
            return None
        return attributes if attributes["last_check_result"] else None

    def check_now(self, name: str) -> None:
        """Run the check command of a service at once."""
        self._ask("/v1/actions/reschedule-check", {"type": "Service", "service": f"chat1!{name}", "force": True})

    def answers(self) -> bool | None:
        try:
            self._ask("/v1/objects/hosts")
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None
        return True

    def _ask(self, path: str, payload: dict[str, object] | None = None) -> dict[str, Any]:
        body = json.dumps(payload).encode() if payload else None
        request = urllib.request.Request(f"{self.url}{path}", body, {"Accept": "application/json"})
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, self.url, "reader", PASSWORD)
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.authority.ca_file)))
        opener = urllib.request.build_opener(trust, urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(request, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def icinga_in(folder: Path, active: Sequence[str], passive: Sequence[str], command: Sequence[str]) -> Iterator[Icinga]:
    """Icinga at work: it runs `command` with the name of each active check, and takes results for the passive."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("data/certs", "run", "log", "cache", "spool", "conf"):
        (folder / name).mkdir(parents=True)
    server = Icinga(folder, port, _certificates(folder / "data/certs"))
    lines = [ROOM % {"port": port, "password": PASSWORD, "command": json.dumps(list(command))}]
    lines += [
        f'object Service "active-{name}" {{ import "watched"; check_command = "opskit"; vars.opskit_check = "{name}" }}'
        for name in active
    ]
    lines += [f'object Service "{name}" {{ import "told" }}' for name in passive]
    lines += ['object Service "closed" { import "told"; enable_passive_checks = false }']
    (folder / "icinga2.conf").write_text("\n".join(lines) + "\n")
    with watched(folder), (folder / "out.txt").open("w") as out:
        process = subprocess.Popen(
            ["/usr/sbin/icinga2", "daemon", "-c", str(folder / "icinga2.conf"), *_places(folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env=environment(),
            start_new_session=True,
        )
        try:
            waited_for(lambda: server.answers() or _over(process, folder))
            yield server
        finally:
            end_all(folder)
            process.wait(10)


def _over(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.poll() is None, (folder / "out.txt").read_text()


def _places(folder: Path) -> list[str]:
    constants = {
        "ConfigDir": folder / "conf",
        "DataDir": folder / "data",
        "InitRunDir": folder / "run",
        "LogDir": folder / "log",
        "CacheDir": folder / "cache",
        "SpoolDir": folder / "spool",
        "RunAsUser": pwd.getpwuid(os.getuid()).pw_name,
        "RunAsGroup": grp.getgrgid(os.getgid()).gr_name,
    }
    return [f"-D{name}={value}" for name, value in constants.items()]


def _certificates(folder: Path) -> Authority:
    """What the API listener looks for: localhost.crt, localhost.key and ca.crt."""
    authority = Authority(folder)
    (folder / "ca.crt").write_bytes(authority.ca_file.read_bytes())
    key, begin, certificate = authority.certificate("localhost").read_text().partition("-----BEGIN CERTIFICATE-----")
    (folder / "localhost.key").write_text(key)
    (folder / "localhost.crt").write_text(begin + certificate)
    return authority
