"""The files with which systemd or cron starts opskit. Pure text: `app.install` writes it where it belongs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Host(msgspec.Struct, frozen=True):
    """What the files have to know: the program's path, the groups in which it may read everything that it looks at, and
    the folders that it writes to beside its own."""

    program: str
    groups: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


USER = "opskit"
SERVICE = "/etc/systemd/system/opskit.service"
SYSUSERS = "/etc/sysusers.d/opskit.conf"
CRON = "/etc/cron.d/opskit"

# systemd.exec(5). It needs no right of root's, writes to its own folder, and sees the processes of others: of a runner
# it wants to know whether it computes. The driver's devices stay visible, and no others. Whether the clock is right
# is read by adjtimex(2), which ProtectClock would forbid; to set it takes a capability, and there is none. What is
# forbidden fails and is told, instead of ending everything.
_CONFINED = """
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=no
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=adjtimex clock_adjtime
SystemCallErrorNumber=EPERM
UMask=0027
DevicePolicy=closed
DeviceAllow=char-nvidia* rw
"""


def service(host: Host) -> str:
    """Return the unit of the whole host's daemon."""
    return _unit(
        [
            f"User={USER}",
            f"Group={USER}",
            *([f"SupplementaryGroups={' '.join(host.groups)}"] if host.groups else []),
            "StateDirectory=opskit",
            "StateDirectoryMode=0750",
            "Environment=XDG_STATE_HOME=/var/lib",
            "RuntimeDirectory=opskit",
            *([f"ReadWritePaths={' '.join(_quoted(path) for path in host.writes)}"] if host.writes else []),
            *_CONFINED.strip().splitlines(),
        ],
        host,
        "multi-user.target",
    )


def user_service(host: Host) -> str:
    """Return the unit of one user's own daemon: it may what the user may."""
    return _unit(["NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes"], host, "default.target")


def _unit(confined: Sequence[str], host: Host, target: str) -> str:
    lines = [
        "[Unit]",
        "Description=opskit, monitoring of the chat service",
        "Wants=network-online.target",
        "After=network-online.target nginx.service ollama.service",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={_quoted(host.program)} run",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "WatchdogSec=180",
        "TimeoutStopSec=120",
        "Restart=on-failure",
        "RestartSec=30",
        *confined,
        "",
        "[Install]",
        f"WantedBy={target}",
    ]
    return "\n".join(lines) + "\n"


def sysusers(host: Host) -> str:
    """Return the line of the user and those of its groups, for systemd-sysusers(8)."""
    lines = [f'u {USER} - "opskit, monitoring of the chat service" /var/lib/opskit']
    return "\n".join([*lines, *(f"m {USER} {group}" for group in host.groups)]) + "\n"


def cron(host: Host) -> str:
    """Return the file for /etc/cron.d. Where the unit is installed too, it leaves the work to that one."""
    program = _escaped(host.program)
    return (
        "# opskit: whatever is due every five minutes, unless the daemon of systemd does it.\n"
        "SHELL=/bin/sh\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        f"*/5 * * * * {USER} test -x {program} -a ! -e {SERVICE} && {program} run --once\n"
    )


def _quoted(word: str) -> str:
    """As systemd.syntax(7) wants a word: a percent sign is doubled, and a dollar sign too."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    return '"' + word.replace('"', '\\"') + '"' if any(sign in word for sign in " \"'\t") else word


def _escaped(word: str) -> str:
    """As the shell of cron wants a word; cron ends a command at a percent sign."""
    plain = all(sign.isalnum() or sign in "/._-+:@" for sign in word)
    return word if plain else "'" + word.replace("'", "'\\''").replace("%", "\\%") + "'"
