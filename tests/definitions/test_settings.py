"""`opskit.yaml`: every key of the model is understood, every wrong value is named with its line, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from opskit.definitions.settings import load, locate, parse
from opskit.model.problem import DefinitionError
from opskit.model.settings import (
    ChatSettings,
    EmailSettings,
    IcingaSettings,
    NagiosSettings,
    NotifySettings,
    Settings,
    Stack,
    SubmitSettings,
    WebhookSettings,
)

EVERYTHING = b"""\
stack:
  nginx:
    access_log: /srv/nginx/access.log
    error_log: /srv/nginx/error.log
    conf: /srv/nginx/nginx.conf
    url: https://chat.example.com:8443/
  gateway:
    url: http://[::1]:18789
    log: /srv/gateway.log
    api_key_file: /run/secrets/key
    key_header: Authorization
  clawdbot:
    url: http://10.0.0.5:8080
    health_path: /healthz?full=1
    log: /srv/clawdbot.log
    config: /srv/clawdbot/config.yaml
  ollama:
    url: http://ollama.internal:11434
    log: unit:ollama@1.service
    model: qwen3:8b
  gpu:
    expected: 2
    library: /opt/nvidia/lib
    version_file: /opt/nvidia/version
  host:
    kernel_log: /var/log/kern.log
    journalctl: /opt/systemd/bin/journalctl
certificates:
  files: [/etc/ssl/chat/*.pem]
  endpoints: ["chat.example.com:443", "[::1]:8443", "smtp://mail.example.com:25", "10.0.0.5:443/chat.example.com"]
  server_name: chat.example.com
  ca_file: /etc/ssl/own-ca.pem
  password_file: /etc/opskit/p12.password
notify:
  email:
    to: [ops@example.com, "On call <oncall@example.com>", root]
    sender: opskit <opskit@example.com>
    host: mail.example.com
    port: 465
    tls: tls
    user: opskit
    password_file: $MAIL_PASSWORD
    ca_file: /etc/ssl/own-ca.pem
    timeout: 5
    sendmail: /usr/sbin/sendmail
  webhook:
    url: https://hooks.example.com/opskit
    secret_file: /etc/opskit/webhook.key
    ca_file: /etc/ssl/own-ca.pem
    timeout: 4
  chat:
    url_file: /etc/opskit/chat
  least: warning
  group_wait: 45
  group_interval: 600
  reminder: 1800
  reminder_most: 43200
  unknown_after: 7200
  per_hour: 10
  quiet_hours: {warning: 22:00-07:00}
  downtimes:
    - {hours: 02:00-04:00, days: [sat, sun], checks: [gpu-*]}
  triage: false
  heartbeat_file: /run/opskit/alive
  ping_url: https://hc.example.com/ping/7
submit:
  nagios:
    command_file: /var/nagios/rw/nagios.cmd
    host: chat1
    service: chat {check}
    services: {gpu-memory: GPU memory}
  icinga:
    url: https://icinga.example.com:5665
    host: chat1.example.com
    service: "{check}"
    services: {latency: Latency 1/2}
    user: opskit
    password_file: $ICINGA_PASSWORD
    ca_file: /etc/opskit/icinga-ca.pem
    timeout: 3
history:
  path: /srv/opskit/history.db
  spare: /srv/spare
  raw_days: 14
  days: 730
report:
  daily_at: 07:30
  notify: false
locale: zh
"""


def leaves(value: object, default: object, where: str = "") -> list[tuple[str, object, object]]:
    """Every key with its value and its default."""
    if not isinstance(value, msgspec.Struct):
        return [(where, value, default)]
    names = value.__struct_fields__
    return [leaf for name in names for leaf in leaves(getattr(value, name), getattr(default, name), f"{where}.{name}")]


def test_every_key_there_is_can_be_set():
    told = parse(EVERYTHING, "opskit.yaml")
    email = EmailSettings(to=(), sender="")
    submit = SubmitSettings(NagiosSettings(), IcingaSettings(url=""))
    notify = NotifySettings(email, WebhookSettings(url=""), ChatSettings(url_file=""))
    bare = Settings(notify=notify, submit=submit)
    unset = [where for where, value, default in leaves(told, bare) if value == default]
    # Either password or certificate: the other way stands in a test of its own.
    assert unset == [".submit.icinga.certificate_file", ".submit.icinga.key_file"]
    assert told.notify.email is not None
    assert (told.notify.email.timeout, told.report.daily_at, told.stack.gpu.expected) == (5.0, "07:30", 2)


@pytest.mark.parametrize("data", [b"", b"\n", b"# only a comment\n", b"stack: {}\n", b"notify:\n  email: ~\n"])
def test_what_is_not_set_has_a_default_that_fits_the_reference_stack(data):
    assert parse(data, "opskit.yaml") == Settings()
    assert load(None).stack == Stack()


def test_a_certificate_may_stand_in_for_a_password():
    told = parse(f"{ICINGA}certificate_file: /etc/c.pem, key_file: /etc/k.pem}}}}".encode(), "x.yaml").submit.icinga
    assert told is not None
    assert (told.certificate_file, told.key_file, told.user) == ("/etc/c.pem", "/etc/k.pem", None)


URL = "expected http://HOST... or https://HOST..."
KEPT = "expected where the secret is kept: a path from /, or $NAME"
ICINGA = "submit: {icinga: {url: 'https://i:5665', "
BOTH = "submit.icinga: expected either user and password_file, or certificate_file"
NAME = "expected a name as Nagios and Icinga take it, without any of `~!$%^&*|'\"<>?,()=;{}\\"
MAIL = "notify: {email: {to: [a@example.com], sender: b@example.com, "

WRONG = [
    *(
        (f"stack: {{{part}: {{url: {url!r}}}}}", f"stack.{part}.url: {why}")
        for part in ("nginx", "gateway", "clawdbot", "ollama")
        for url, why in (
            ("127.0.0.1:8080", URL), ("ftp://host/", URL), ("http://", URL), ("http:///path", URL), ("", URL),
            ("http://host:99999/", URL), ("http://host:0/", URL), ("http://ho st/", URL), ("file:///etc/passwd", URL),
            ("http://[::1/", URL), ("//host/", URL),
            ("http://user:hunter2@host/", "a password does not belong into a URL"),
        )
    ),
    *(
        (f"stack: {{gateway: {{api_key_file: {secret!r}}}}}", f"stack.gateway.api_key_file: {KEPT}")
        for secret in ("sk-hunter2", "hunter2/file", "", "$", "$1", "${KEY}", "$KEY hunter2")
    ),
    ("stack: {gateway: {key_header: 'X Key'}}",
     "stack.gateway.key_header: expected the name of a header, such as X-Api-Key"),
    ("stack: {clawdbot: {config: c.yaml}}", "stack.clawdbot.config: expected a path that begins with /"),
    ("stack: {clawdbot: {health_path: health}}", "stack.clawdbot.health_path: expected a path that begins with /"),
    ("stack: {ollama: {log: ollama.log}}",
     "stack.ollama.log: expected a path from /, or unit:NAME for the journal of a unit"),
    ("stack: {ollama: {log: 'unit:a b'}}",
     "stack.ollama.log: expected a path from /, or unit:NAME for the journal of a unit"),
    ("stack: {host: {kernel_log: dmesg}}", "stack.host.kernel_log: expected a path from /, or journal"),
    ("stack: {host: {journalctl: 'journalctl -q'}}",
     "stack.host.journalctl: expected the name of a program, or its path from /"),
    ("history: {days: 0}", "history.days: expected days, 1 to 3660"),
    ("history: {raw_days: 3661}", "history.raw_days: expected days, 1 to 3660"),
    ("history: {spare: var}", "history.spare: expected a path that begins with /"),
    ("stack: {gpu: {expected: -1}}", "stack.gpu.expected: expected a number of cards, 0 or more"),
    ("stack: {gpu: {library: lib}}", "stack.gpu.library: expected a path that begins with /"),
    ("stack: {gpu: {expected: two}}", "stack.gpu.expected: expected a whole number, got 'two'"),
    *(
        (f"certificates: {{endpoints: [{endpoint!r}]}}",
         "certificates.endpoints: expected host:port, such as chat.example.com:443")
        for endpoint in ("chat.example.com", "chat.example.com:https", ":443", "h:0", "h:65536", "https://h:443", "h:٣",
                         "smtp://h", "ftp://h:21", "h:443/", "a@h:443", "smtp://[]:25")
    ),
    *((MAIL + f"port: {port}}}}}", "notify.email.port: expected a port, 1 to 65535") for port in (0, -1, 65536)),
    (MAIL + "port: smtp}}", "notify.email.port: expected a whole number, got 'smtp'"),
    *(
        (MAIL + f"timeout: {timeout}}}}}", "notify.email.timeout: expected seconds, above 0 and at most 3600")
        for timeout in ("0", "-1", "0.0", "86400")
    ),
    (MAIL + "timeout: .inf}}", "notify.email.timeout: expected a number, got '.inf'"),
    (MAIL + "tls: yes}}", "notify.email.tls: expected one of starttls, tls, none"),
    (MAIL + "tls: none, host: mail.example.com}}", "notify.email.tls: none is for a mail server on this host only"),
    (MAIL + "sendmail: sendmail}}", "notify.email.sendmail: expected a path that begins with /"),
    *(
        (f"notify: {{{key}: {value}}}", f"notify.{key}: {why}")
        for key, value, why in (
            ("least", "unknown", "expected one of warning, critical"),
            ("group_wait", "-1", "expected seconds, at most a day"),
            ("group_interval", "90000", "expected seconds, at most a day"),
            ("reminder", "5", "expected seconds, from a minute to a week"),
            ("per_hour", "0", "expected a number, 1 to 1000"),
            ("heartbeat_file", "alive", "expected a path that begins with /"),
            ("ping_url", "hc.example.com", URL),
            ("quiet_hours", "{ok: 22:00-07:00}", "expected one of unknown, warning, critical"),
            ("quiet_hours", "{warning: 22-7}", "expected a time of the day as HH:MM-HH:MM, such as 22:00-07:00"),
            ("quiet_hours", "{warning: 07:00-07:00}", "expected a time of the day as HH:MM-HH:MM, such as 22:00-07:00"),
        )
    ),
    ("notify: {downtimes: [{hours: '25:00-26:00'}]}",
     "notify.downtimes[0].hours: expected a time of the day as HH:MM-HH:MM, such as 22:00-07:00"),
    ("notify: {downtimes: [{hours: '02:00-04:00', days: [Samstag]}]}",
     "notify.downtimes[0].days: expected some of mon, tue, wed, thu, fri, sat, sun"),
    ("notify: {webhook: {url: hook}}", f"notify.webhook.url: {URL}"),
    ("notify: {chat: {url_file: 'dingtalk://hunter2'}}", f"notify.chat.url_file: {KEPT}"),
    (MAIL + "user: opskit}}", "notify.email: user and password_file go together"),
    (MAIL + "user: a, password_file: hunter2}}", f"notify.email.password_file: {KEPT}"),
    (MAIL + "password: hunter2}}", "notify.email: unknown key 'password', did you mean 'password_file'?"),
    ("notify: {email: {to: [], sender: a@example.com}}", "notify.email.to: expected at least one address"),
    *(
        (f"notify: {{email: {{to: [{address}], sender: a@example.com}}}}",
         "notify.email.to: expected a mail address, or a name and <address>")
        for address in ('"a b@example.com"', '""', '"a@example.com, b@example.com"', '"a@b@c"', '"A <a@x> <b@x>"',
                        '"x\\ny"')
    ),
    ("submit: {nagios: {command_file: nagios.cmd}}",
     "submit.nagios.command_file: expected a path that begins with /"),
    *(
        (f"submit: {{nagios: {{host: {json.dumps(value)}}}}}", f"submit.nagios.host: {NAME}")
        for value in ("", " ", "a;b", "a\nb", "a!b", "x ", "a|b", "$HOST$", "a\\b", "\x7f")
    ),
    *(
        (f"submit: {{nagios: {{services: {{latency: {json.dumps(value)}}}}}}}", f"submit.nagios.services: {NAME}")
        for value in ("", "a;b", "a\nb")
    ),
    *(
        (f"submit: {{nagios: {{service: {json.dumps(value)}}}}}",
         "submit.nagios.service: expected a name with {check} in it, such as opskit-{check}")
        for value in ("opskit", "", "{check} {check}", "{checks}")
    ),
    ("submit: {nagios: {service: '{check};'}}", f"submit.nagios.service: {NAME}"),
    ("submit: {icinga: {user: a, password_file: /p}}", "submit.icinga: missing key 'url'"),
    *(
        (f"submit: {{icinga: {{url: {url!r}, user: a, password_file: /p}}}}", f"submit.icinga.url: {why}")
        for url, why in (
            ("http://i:5665", "expected https://HOST:PORT, such as port 5665"),
            ("icinga:5665", "expected https://HOST:PORT, such as port 5665"),
            ("https://a:hunter2@i:5665", "a password does not belong into a URL"),
        )
    ),
    (ICINGA + "}}", BOTH),
    (ICINGA + "user: a, password_file: /p, certificate_file: /c}}", BOTH),
    (ICINGA + "user: a, password_file: hunter2}}", f"submit.icinga.password_file: {KEPT}"),
    (ICINGA + "password: hunter2, user: a, password_file: /p}}",
     "submit.icinga: unknown key 'password', did you mean 'password_file'?"),
    (ICINGA + "user: a, password_file: /p, key_file: /k}}",
     "submit.icinga.key_file: there is no certificate_file that it belongs to"),
    (ICINGA + "user: a, password_file: /p, timeout: 0.0}}",
     "submit.icinga.timeout: expected seconds, above 0 and at most 3600"),
    *(
        (f"report: {{daily_at: {clock!r}}}", "report.daily_at: expected a time of day as HH:MM, such as 08:00")
        for clock in ("8", "8:00", "24:00", "08:60", "08:00:00", "noon", "", "08-00", "٠٨:٠٠")
    ),
    ("locale: de", "locale: expected one of en, zh"),
    ("lokale: zh", "file: unknown key 'lokale', did you mean 'locale'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_a_wrong_value_is_named_with_what_was_expected_and_no_secret(text, line):
    with pytest.raises(DefinitionError) as refused:
        parse(f"# a comment\n{text}\n".encode(), "opskit.yaml")
    assert str(refused.value) == f"opskit.yaml:2: {line}"
    assert "hunter2" not in str(refused.value)


def test_every_mistake_is_told_in_one_run_each_at_its_line():
    data = EVERYTHING.replace(b"07:30", b"7:30").replace(b"465", b"99999").replace(b"https://chat", b"chat")
    with pytest.raises(DefinitionError) as refused:
        parse(data, "x.yaml")
    assert str(refused.value).splitlines() == [
        f"x.yaml:6: stack.nginx.url: {URL}",
        "x.yaml:39: notify.email.port: expected a port, 1 to 65535",
        "x.yaml:87: report.daily_at: expected a time of day as HH:MM, such as 08:00",
    ]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "::1"])
def test_mail_without_encryption_may_go_to_this_host(host):
    told = parse(f"{MAIL}tls: none, host: '{host}'}}}}".encode(), "x.yaml")
    assert told.notify.email is not None
    assert told.notify.email.tls == "none"


def touched(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_file_that_was_named_comes_first_then_the_environment_then_home(tmp_path):
    home = touched(tmp_path / ".config/opskit/opskit.yaml")
    xdg = touched(tmp_path / "xdg/opskit/opskit.yaml")
    given = tmp_path / "given.yaml"
    everything = {"OPSKIT_CONFIG": "/from/environment", "XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    assert locate(given, everything) == given
    assert locate(None, everything) == Path("/from/environment")
    assert locate(None, {**everything, "OPSKIT_CONFIG": ""}) == xdg
    assert locate(None, {"HOME": str(tmp_path)}) == home
    assert locate(None, {"HOME": str(tmp_path / "xdg")}) == locate(None, {})


def test_a_named_file_that_does_not_exist_is_no_reason_for_defaults(tmp_path):
    with pytest.raises(DefinitionError, match=r"given\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "given.yaml")


def test_a_file_is_read_with_its_name(tmp_path):
    assert load(touched(tmp_path / "a.yaml", "locale: en\n")).locale == "en"
    with pytest.raises(DefinitionError, match=r"b\.yaml:1: locale: expected one of en, zh"):
        load(touched(tmp_path / "b.yaml", "locale: fr\n"))
