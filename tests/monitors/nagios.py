"""A real Nagios 4 in a folder of its own, as the user of the tests, with one host and the services it is given."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.guard import watched
from tests.lab.running_lab import end_all
from tests.monitors.watch import ROOT, environment, waited_for

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


class Nagios:
    """`command_file` takes external commands; `service` shows what Nagios knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command_file = folder / "nagios.cmd"

    def service(self, name: str) -> dict[str, str] | None:
        """What stands in status.dat about a service that was checked, None for one that was not."""
        text = (self.folder / "status.dat").read_text() if (self.folder / "status.dat").exists() else ""
        for block in re.findall(r"servicestatus \{\n(.*?)\n\t\}", text, re.DOTALL):
            pairs = dict(line.strip().split("=", 1) for line in block.split("\n"))
            if pairs["service_description"] == name and pairs["has_been_checked"] == "1":
                return pairs
        return None

    def log(self) -> str:
        return (self.folder / "nagios.log").read_text()


@contextmanager
def nagios_in(folder: Path, active: Sequence[str], passive: Sequence[str], command: Sequence[str]) -> Iterator[Nagios]:
    """Nagios at work: it runs `command` with the name of each active check, and waits for results of the passive."""
    user = pwd.getpwuid(os.getuid()).pw_name
    (folder / "nagios.cfg").write_text(_main(folder, user))
    (folder / "objects.cfg").write_text(_objects(active, passive, command))
    (folder / "spool").mkdir()
    server = Nagios(folder)
    with watched(folder), (folder / "out.txt").open("w") as out:
        process = subprocess.Popen(
            ["/usr/sbin/nagios4", str(folder / "nagios.cfg")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env=environment(),
            start_new_session=True,
        )
        try:
            waited_for(lambda: server.command_file.exists() or _over(process, folder))
            yield server
        finally:
            process.terminate()
            process.wait(10)
            end_all(folder)


def _over(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.poll() is None, (folder / "out.txt").read_text()


def _main(folder: Path, user: str) -> str:
    places = {
        "log_file": "nagios.log",
        "cfg_file": "objects.cfg",
        "object_cache_file": "objects.cache",
        "precached_object_file": "objects.precache",
        "status_file": "status.dat",
        "command_file": "nagios.cmd",
        "lock_file": "nagios.pid",
        "temp_file": "nagios.tmp",
        "temp_path": ".",
        "query_socket": "nagios.qh",
        "check_result_path": "spool",
    }
    numbers = {
        "status_update_interval": 1,
        "check_external_commands": 1,
        "check_workers": 2,
        "check_result_reaper_frequency": 1,
        "interval_length": 1,
        "max_service_check_spread": 1,
        "use_syslog": 0,
        "retain_state_information": 0,
        "check_for_updates": 0,
        "enable_notifications": 0,
        "execute_host_checks": 0,
        "check_service_freshness": 1,
        "service_freshness_check_interval": 1,
        "additional_freshness_latency": 0,
    }
    words = {
        "nagios_user": user,
        "nagios_group": str(os.getgid()),
        "service_inter_check_delay_method": "n",
        "host_inter_check_delay_method": "n",
        "illegal_macro_output_chars": "`~$&|'\"<>",
        **{name: str(folder / place) for name, place in places.items()},
    }
    return "".join(f"{name}={value}\n" for name, value in {**words, **numbers}.items())


def _objects(active: Sequence[str], passive: Sequence[str], command: Sequence[str]) -> str:
    line = shlex.join(command)
    stale = shlex.join(["/usr/lib/nagios/plugins/check_dummy", "3", "no result for too long"])
    common = {"host_name": "chat1", "check_period": "always", "check_interval": 600, "max_check_attempts": 1}
    quiet = {"contacts": "nobody", "notification_period": "always", "notification_interval": 0}
    kinds = [
        ("timeperiod", {"timeperiod_name": "always", "alias": "always", **dict.fromkeys(DAYS, "00:00-24:00")}),
        ("command", {"command_name": "opskit", "command_line": f"{line} $ARG1$"}),
        ("command", {"command_name": "stale", "command_line": stale}),
        ("contact", {"contact_name": "nobody", **_NOBODY}),
        ("host", {"address": "127.0.0.1", "check_command": "stale", **common, **quiet}),
    ]
    for name in active:
        own = {"service_description": f"active-{name}", "check_command": f"opskit!{name}"}
        kinds.append(("service", {**own, **common, **quiet}))
    for name in passive:
        own = {"service_description": name, "check_command": "stale", "active_checks_enabled": 0}
        kinds.append(("service", {**own, "passive_checks_enabled": 1, **common, **quiet}))
    return "".join(_define(kind, keys) for kind, keys in kinds)


def _define(kind: str, keys: dict[str, object]) -> str:
    return f"define {kind} {{\n" + "".join(f"  {key} {value}\n" for key, value in keys.items()) + "}\n"


_NOBODY = {
    **{f"{kind}_notifications_enabled": 0 for kind in ("host", "service")},
    **{f"{kind}_notification_period": "always" for kind in ("host", "service")},
    **{f"{kind}_notification_options": "n" for kind in ("host", "service")},
    **{f"{kind}_notification_commands": "stale" for kind in ("host", "service")},
}
