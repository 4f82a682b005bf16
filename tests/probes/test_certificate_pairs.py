"""Certificates and keys as an Nginx configuration pairs them, and configurations that cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from opskit.logs.nginx_certificates import certificate_pairs
from opskit.model.status import Status
from tests.probes.asking import as_nobody, ask, series, value
from tests.probes.authority import Issued, lasting
from tests.probes.test_certificate import stored, verdict

HEAD = "events {}\npid nginx.pid;\nerror_log error.log;\n"


class Site:
    """An Nginx with a certificate of each kind in `ssl/`, whose keys lie in `keys/`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.conf = folder, folder / "nginx.conf"
        self.rsa, self.ec = lasting(60, kind="rsa"), lasting(60)
        for name in ("ssl", "keys", "conf.d"):
            (folder / name).mkdir()
        for name, one in (("site", self.rsa), ("site-ec", self.ec)):
            stored(folder / "ssl", one, name=f"{name}.crt")
            self.key(name, one)
        self.conf.write_text(f"{HEAD}http {{ access_log off; include conf.d/*.conf; }}\n")
        self.serve("keys/site-ec.key")

    def key(self, name: str, one: Issued, folder: str = "keys") -> None:
        path = self.folder / folder / f"{name}.key"
        path.write_bytes(one.key_pem)
        path.chmod(0o600)

    def serve(self, second_key: str, more: str = "") -> None:
        (self.folder / "conf.d" / "site.conf").write_text(
            f"ssl_certificate {self.folder}/ssl/site.crt; ssl_certificate_key keys/site.key;\n"
            "server { listen 127.0.0.1:8443 ssl; }\n"
            "server { listen 127.0.0.1:8444 ssl; include ssl/pairs.inc; }\n" + more
        )
        (self.folder / "ssl" / "pairs.inc").write_text(
            "ssl_certificate ssl/site.crt;\nssl_certificate_key keys/site.key;\n"
            f'ssl_certificate "ssl/site-ec.crt"; ssl_certificate_key {second_key};\n'
        )

    @property
    def rsa_file(self) -> str:
        return f"{self.folder}/ssl/site.crt"

    @property
    def ec_file(self) -> str:
        return f"{self.folder}/ssl/site-ec.crt"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_pairs_are_told_as_nginx_itself_pairs_them(site: Site) -> None:
    pairs, variable, unread = certificate_pairs(str(site.conf))
    keys = f"{site.folder}/keys"
    assert [tuple(pair) for pair in pairs] == [
        (site.rsa_file, f"{keys}/site.key"),
        (site.ec_file, f"{keys}/site-ec.key"),
    ]
    assert (variable, unread) == ([], [])
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx is not None
    tried = [nginx, "-t", "-c", str(site.conf), "-p", str(site.folder)]
    assert subprocess.run(tried, check=False, capture_output=True, timeout=20).returncode == 0


def test_a_key_that_is_left_over_is_no_mismatch_and_the_unlisted_certificate_is_looked_at(site: Site) -> None:
    site.key("site", lasting(60), "ssl")
    judged = verdict(str(site.conf), files=(site.rsa_file,))
    assert judged.status is Status.OK
    reading = ask("certificate", files=[site.rsa_file], nginx_conf=str(site.conf))
    assert [value(reading, "key_matches", certificate=path) for path in (site.rsa_file, site.ec_file)] == [1, 1]
    assert series(reading, "key_beside_fits") == []


def test_without_a_configuration_the_left_over_key_is_a_doubt(site: Site) -> None:
    site.key("site", lasting(60), "ssl")
    judged = verdict(files=(site.rsa_file,))
    assert judged.status is Status.WARNING
    assert "make sure which one is in use" in str(judged.items[0].text)
    assert series(ask("certificate", files=[site.rsa_file]), "key_matches") == []


def test_the_key_of_the_other_kind_is_critical(site: Site) -> None:
    site.serve("keys/site.key")
    judged = verdict(str(site.conf), files=(site.rsa_file,))
    assert judged.status is Status.CRITICAL
    assert str(judged.items[0].text) == (
        f"{site.ec_file}: the private key is not the certificate's ({site.folder}/keys/site.key)"
    )


def test_of_two_servers_the_one_with_the_wrong_key_counts(site: Site) -> None:
    more = "server { ssl_certificate ssl/site-ec.crt; ssl_certificate_key keys/site.key; }"
    site.serve("keys/site-ec.key", more)
    assert verdict(str(site.conf), files=()).status is Status.CRITICAL
    site.serve("keys/site-ec.key", more.replace("{", "{ ssl_reject_handshake on;"))
    assert verdict(str(site.conf), files=()).status is Status.OK


def test_nginx_takes_the_first_certificate_of_a_file(site: Site) -> None:
    ca = lasting(400, ca=True, name="practice CA")
    stored(site.folder / "ssl", ca, site.rsa, name="site.crt")
    assert verdict(str(site.conf), files=()).status is Status.CRITICAL


def test_a_key_or_a_certificate_that_is_not_there_is_unknown(site: Site) -> None:
    site.serve("keys/gone.key")
    judged = verdict(str(site.conf), files=(site.rsa_file,))
    assert judged.status is Status.UNKNOWN
    assert f"{site.folder}/keys/gone.key: there is no such file" in str(judged.items[0].text)
    Path(site.ec_file).unlink()
    judged = verdict(str(site.conf), files=(site.rsa_file,))
    assert judged.status is Status.UNKNOWN
    assert f"{site.conf} names it" in str(judged.items[0].text)


def test_what_only_nginx_may_read_is_a_note(site: Site) -> None:
    Path(site.ec_file).chmod(0o600)
    call = (
        "(lambda p, a: [str(n) for n in p.read(p.collect(a, Deadline(5)), a, datetime.now().astimezone()).notes])"
        f"(CertificateProbe(), Args(({site.rsa_file!r},), nginx_conf={str(site.conf)!r}, acme_homes=()))"
    )
    said = as_nobody(site.folder, "opskit.probes.certificate", call)
    assert f"the key {site.folder}/keys/site.key was not compared: Permission denied" in said
    assert f"Nginx loads {site.ec_file}, which was not looked at: Permission denied" in said
    site.conf.chmod(0o600)
    assert "nginx.conf: Permission denied" in as_nobody(site.folder, "opskit.probes.certificate", call)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http { server { ssl_certificate a.crt; ", "unexpected end of file"),
        ("http { include gone.conf; }", "gone.conf"),
        ("http { server { ssl_certificate; ssl_certificate_key; } }", "invalid number of arguments"),
        ("http { server { ssl_certificate $host.crt; ssl_certificate_key $host.key; } }", "by a variable, $host.crt"),
        ("\x1b[31m{{{{ }}", "cannot be read as a whole"),
        ("{" * 5000, "cannot be read as a whole"),
    ],
)
def test_a_configuration_that_cannot_be_read_costs_a_note(tmp_path: Path, text: str, said: str) -> None:
    conf = tmp_path / "nginx.conf"
    conf.write_text(text)
    path = stored(tmp_path, lasting(60))
    assert said in " ".join(map(str, ask("certificate", files=[path], nginx_conf=str(conf)).notes))
    assert verdict(str(conf), files=(path,)).status is Status.OK


@pytest.mark.parametrize("text", ["http { include nginx.conf; }", "", "http { server { ssl_certificate data:x; } }"])
def test_one_that_includes_itself_or_names_no_file_is_read_to_its_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "nginx.conf").write_text(text)
    assert certificate_pairs(f"{tmp_path}/nginx.conf")[0] == []


def test_a_pipe_among_the_includes_does_not_keep_the_check_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.conf")
    (tmp_path / "nginx.conf").write_text("http { include pipe*; }")
    path = stored(tmp_path, lasting(60))
    reading = ask("certificate", 1.0, files=[path], nginx_conf=f"{tmp_path}/nginx.conf")
    assert "not read in time" in str(reading.notes[0])
    assert value(reading, "readable") == 1
    with (tmp_path / "pipe.conf").open("w"):
        pass  # lets the reader go


def test_a_host_without_nginx_is_not_worth_a_word(tmp_path: Path) -> None:
    path = stored(tmp_path, lasting(60))
    assert "No such file" in str(ask("certificate", files=[path], nginx_conf=f"{tmp_path}/gone.conf").notes)
    assert ask("certificate", files=[path]).notes == ()
