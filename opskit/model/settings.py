"""`opskit.yaml` as a value. Every key has a default that fits the reference deployment."""

from __future__ import annotations

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As downtimes name them, in the order of `date.weekday()`."""


class NginxSettings(msgspec.Struct, frozen=True):
    """The front door. `url` is what users open, as reachable from this host."""

    access_log: str = "/var/log/nginx/access.log"
    error_log: str = "/var/log/nginx/error.log"
    conf: str = "/etc/nginx/nginx.conf"
    url: str = "https://127.0.0.1/"


class GatewaySettings(msgspec.Struct, frozen=True):
    """The API gateway. The key itself never stands here: `api_key_file` is a path, or `$NAME` of the environment."""

    url: str = "http://127.0.0.1:18789"
    log: str = "/var/log/qwen-gateway.log"
    api_key_file: str | None = None
    key_header: str = "X-Api-Key"


class ClawdbotSettings(msgspec.Struct, frozen=True):
    """The chat UI. Its `log` is where it was told to write one; `config` is its own configuration file."""

    url: str = "http://127.0.0.1:8080"
    health_path: str = "/health"
    log: str | None = None
    config: str | None = None


class OllamaSettings(msgspec.Struct, frozen=True):
    """The model server. `log` is a file, or a systemd unit whose journal is read."""

    url: str = "http://127.0.0.1:11434"
    log: str = "unit:ollama"
    model: str = "qwen3:32b"


class GpuSettings(msgspec.Struct, frozen=True):
    """`expected` cards: fewer is a fault. Unset means that a host without a GPU is merely unknown.

    `library` is the folder of libnvidia-ml.so.1 where the system does not find it by itself, as in some containers;
    in `version_file` the kernel's driver tells its version.
    """

    expected: int | None = None
    library: str | None = None
    version_file: str = "/proc/driver/nvidia/version"


class HostSettings(msgspec.Struct, frozen=True):
    """`kernel_log` is a file, or `journal` for the kernel's part of the systemd journal.

    `journalctl` is the program that reads a journal, for a host where it is not on PATH or another one is to be asked.
    """

    kernel_log: str = "journal"
    journalctl: str = "journalctl"


class Stack(msgspec.Struct, frozen=True):
    """The chain that is looked after, front to back."""

    nginx: NginxSettings = NginxSettings()
    gateway: GatewaySettings = GatewaySettings()
    clawdbot: ClawdbotSettings = ClawdbotSettings()
    ollama: OllamaSettings = OllamaSettings()
    gpu: GpuSettings = GpuSettings()
    host: HostSettings = HostSettings()


class CertificateSettings(msgspec.Struct, frozen=True):
    """What to look at: files, folders and patterns, and live endpoints, verified as `server_name`.

    `password_file` opens PKCS#12 files and encrypted keys.
    """

    files: tuple[str, ...] = ("/etc/letsencrypt/live/*/fullchain.pem",)
    endpoints: tuple[str, ...] = ()
    server_name: str | None = None
    ca_file: str | None = None
    password_file: str | None = None


class EmailSettings(msgspec.Struct, frozen=True):
    """How a mail leaves. `tls` is `starttls`, `tls` (from the first byte) or `none` (loopback only).

    With `sendmail`, a program of this host, it leaves through that and not by a conversation of opskit's own.
    """

    to: tuple[str, ...]
    sender: str
    host: str = "localhost"
    port: int = 587
    tls: str = "starttls"
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    timeout: float = 20.0
    sendmail: str | None = None


class WebhookSettings(msgspec.Struct, frozen=True):
    """Where notices are posted as JSON. The key in `secret_file` signs them (HMAC-SHA256)."""

    url: str
    secret_file: str | None = None
    ca_file: str | None = None
    timeout: float = 10.0


class ChatSettings(msgspec.Struct, frozen=True):
    """Rooms of a chat service. `url_file` holds their addresses as apprise writes them: they carry keys."""

    url_file: str


class DowntimeSettings(msgspec.Struct, frozen=True):
    """A time in which nothing is sent: `hours` such as 02:00-04:00, on `days` (of its beginning; none: on all).

    `checks` are patterns of names, such as `gpu-*`.
    """

    hours: str
    days: tuple[str, ...] = ()
    checks: tuple[str, ...] = ("*",)


class NotifySettings(msgspec.Struct, frozen=True):
    """Who is told, of what, and when not. Without a channel nothing is sent, and `opskit status` says so.

    `least` is the mildest state that is told; in `quiet_hours` (by state, such as `{warning: 22:00-07:00}`) it waits.
    Times are in seconds. `triage`: the first notice of an incident brings the diagnosis along. `heartbeat_file` is
    written, and `ping_url` asked for, once a minute as long as every check comes to its turn.
    """

    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    chat: ChatSettings | None = None
    least: str = "critical"
    group_wait: float = 30.0
    group_interval: float = 300.0
    reminder: float = 3600.0
    reminder_most: float = 86_400.0
    unknown_after: float = 3600.0
    per_hour: int = 20
    quiet_hours: dict[str, str] = {}
    downtimes: tuple[DowntimeSettings, ...] = ()
    triage: bool = True
    heartbeat_file: str | None = None
    ping_url: str | None = None

    @property
    def channels(self) -> dict[str, EmailSettings | WebhookSettings | ChatSettings]:
        """The channels that are configured, by the names of the registry."""
        named = {"email": self.email, "webhook": self.webhook, "chat": self.chat}
        return {name: settings for name, settings in named.items() if settings is not None}


class NagiosSettings(msgspec.Struct, frozen=True):
    """Where results are left for a Nagios, and under which names it knows them.

    `host` is this host's own name where it is unset; `service` is a pattern, in which `{check}` is the check's id, and
    `services` names single checks otherwise.
    """

    command_file: str = "/var/lib/nagios4/rw/nagios.cmd"
    host: str | None = None
    service: str = "opskit-{check}"
    services: dict[str, str] = {}


class IcingaSettings(msgspec.Struct, frozen=True):
    """The API of an Icinga 2. It knows opskit by `user` with `password_file`, or by a client certificate."""

    url: str
    host: str | None = None
    service: str = "opskit-{check}"
    services: dict[str, str] = {}
    user: str | None = None
    password_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    ca_file: str | None = None
    timeout: float = 10.0


class SubmitSettings(msgspec.Struct, frozen=True):
    """The monitoring systems that get every result as it is, without asking for it."""

    nagios: NagiosSettings | None = None
    icinga: IcingaSettings | None = None


class HistorySettings(msgspec.Struct, frozen=True):
    """Where the memory is kept; unset: /var/lib/opskit for root, ~/.local/state/opskit for others.

    `spare` is a folder, best on another disk, for runs that neither the memory nor a file beside it can take. Samples
    stay as they were measured for `raw_days`, and as means for `days`, as long as everything else.
    """

    path: str | None = None
    spare: str = "/var/tmp"  # noqa: S108  # only a folder in it is used, which must be this user's own
    raw_days: int = 8
    days: int = 400


class ReportSettings(msgspec.Struct, frozen=True):
    """When the daily report is made by `opskit run`, in the host's zone, and whether the channels get it."""

    daily_at: str = "08:00"
    notify: bool = True


class Settings(msgspec.Struct, frozen=True):
    """The whole file."""

    stack: Stack = Stack()
    certificates: CertificateSettings = CertificateSettings()
    notify: NotifySettings = NotifySettings()
    submit: SubmitSettings = SubmitSettings()
    history: HistorySettings = HistorySettings()
    report: ReportSettings = ReportSettings()
    locale: str | None = None
