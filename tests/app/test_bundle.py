"""Bundles: written whole and redacted, read with suspicion, replayed to the same evidence."""

import io
import json
import tarfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from opskit.app import bundle
from opskit.app.manifest import MANIFEST, BundleError
from opskit.app.observe import job
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.raw import Raw
from opskit.model.settings import OllamaSettings, Settings, Stack
from opskit.probes.base import Deadline, ProbeError

AT = datetime(2026, 11, 23, 14, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
SECRETS = (
    b'{"time": "2026-11-23T14:00:00+08:00", "status": 200, "user_id": "alice", "client_ip": "10.1.2.3",'
    b' "request_id": "r1", "api_key": "sk-live-0123456789abcdef0123456789", "prompt": "my diary says",'
    b' "cookie": "session=deadbeef"}\n'
    b"X-Api-Key: practice-key-0123456789abcdef\n"
    b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl\n"
)


def evidence() -> dict[str, object]:
    return {
        "gateway-log": (Raw("gateway.log", SECRETS, "/var/log/qwen-gateway.log", 41, complete=False),),
        "gpu": say("the driver did not answer {stage}", stage="nvmlInit"),
    }


def gateway_log():
    return job("gateway_log", "gateway_log", {}, 5.0, Settings(), "test")


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "folder"])
def test_what_was_written_is_read_back(tmp_path, name):
    stack = Stack(ollama=OllamaSettings(model="llama3:8b"))
    bundle.write(tmp_path / name, evidence(), AT, stack)
    found = bundle.read(tmp_path / name)
    (raw,) = found.collect(gateway_log(), Deadline(1))
    assert (raw.origin, raw.first_line, raw.complete) == ("/var/log/qwen-gateway.log", 41, False)
    assert found.now() == AT
    assert found.now().tzinfo.key == "Asia/Shanghai"
    assert found.settings(Settings()).stack == stack


def test_what_could_not_be_collected_keeps_its_reason(tmp_path):
    bundle.write(tmp_path / "b.tar.gz", evidence(), AT, Stack())
    gpu = job("gpu", "gpu", {}, 5.0, Settings(), "test")
    with pytest.raises(ProbeError, match="the driver did not answer nvmlInit"):
        bundle.read(tmp_path / "b.tar.gz").collect(gpu, Deadline(1))
    host = job("host", "host", {}, 5.0, Settings(), "test")
    with pytest.raises(ProbeError, match="holds no evidence 'host'"):
        bundle.read(tmp_path / "b.tar.gz").collect(host, Deadline(1))


def test_no_secret_and_no_prompt_is_in_a_bundle(tmp_path):
    manifest = bundle.write(tmp_path / "folder", evidence(), AT, Stack())
    everything = b"".join(file.read_bytes() for file in (tmp_path / "folder").iterdir())
    for secret in (b"sk-live", b"practice-key", b"eyJhbGci", b"my diary", b"deadbeef"):
        assert secret not in everything
    assert b"alice" in everything
    assert manifest.redactions.replaced >= 5


def test_pseudonyms_are_consistent_and_the_host_has_no_name(tmp_path):
    bundle.write(tmp_path / "folder", evidence(), AT, Stack(), secret=b"x" * 32)
    text = (tmp_path / "folder" / "gateway.log").read_text()
    assert "alice" not in text
    assert "10.1.2.3" not in text
    record = json.loads(text.splitlines()[0])
    assert record["user_id"].startswith("user-")
    assert record["status"] == 200
    assert json.loads((tmp_path / "folder" / MANIFEST).read_text())["host"] == "host"


def test_a_bundle_is_for_its_owner_only(tmp_path):
    bundle.write(tmp_path / "b.tar.gz", evidence(), AT, Stack())
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


def test_what_exists_is_not_overwritten_by_a_folder_and_failures_leave_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(BundleError, match="cannot be written"):
        bundle.write(tmp_path / "folder", evidence(), AT, Stack())
    with pytest.raises(BundleError, match="cannot be written"):
        bundle.write(tmp_path / "absent" / "b.tar.gz", evidence(), AT, Stack())
    with pytest.raises(BundleError, match="cannot be written"):
        bundle.write(Path("/dev/full/b.tar.gz"), evidence(), AT, Stack())
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def manifest_with(**changes: object) -> bytes:
    base = {
        "schema": 1, "captured_at": AT.isoformat(), "zone": "Asia/Shanghai", "host": "chat1", "versions": {},
        "redactions": {"replaced": 0, "pseudonyms": False},
    }  # fmt: skip
    return json.dumps({**base, **changes}).encode()


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"", "manifest.yaml: expected `key: value`"),
        (b"\xff\xfe", "manifest.yaml:1: not UTF-8 text"),
        (manifest_with(host="a")[:-1] + b',\n"host": "b"}', "manifest.yaml:2: duplicate key 'host', first in line 1"),
        (b"a: [\n", "manifest.yaml:2: not valid YAML"),
        (b"[1, 2]", "manifest.yaml:1: expected `key: value`"),
        (manifest_with(schema=2), "has bundle format 2, expected 1"),
        (manifest_with(captured_at="yesterday"), "captured_at"),
        (manifest_with(captured_at="2026-11-23T14:05:00"), "captured_at"),
        (manifest_with(zone="Mars/Olympus"), "zone"),
        (manifest_with(zone="../../etc/passwd"), "zone"),
        (manifest_with(files="none"), "expected a list"),
        (manifest_with(surprise=1), "unknown key 'surprise'"),
        (manifest_with(absent=[{"key": "gpu", "template": "{0.__class__}", "args": {}}]), "malformed"),
        (manifest_with(absent=[{"key": "gpu", "template": "{x.__class__}", "args": {"x": "1"}}]), "malformed"),
        (manifest_with(absent=[{"key": "gpu", "template": "{x!r}", "args": {"x": "1"}}]), "malformed"),
        (manifest_with(absent=[{"key": "gpu", "template": "{x:>99999999}", "args": {"x": "1"}}]), "malformed"),
        (manifest_with(absent=[{"key": "gpu", "template": "{", "args": {}}]), "malformed"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_in_one_sentence(tmp_path, manifest, said):
    (tmp_path / MANIFEST).write_bytes(manifest)
    with pytest.raises(BundleError, match=said.replace("?", r"\?")) as caught:
        bundle.read(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


def archive(path: Path, members: dict[str, bytes], **kinds: bytes) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    return path


def test_names_in_an_archive_lead_nowhere(tmp_path):
    members = {"../../manifest.yaml": manifest_with(), "/etc/evil": b"x"}
    found = bundle.read(archive(tmp_path / "b.tar.gz", members, link=tarfile.SYMTYPE, device=tarfile.CHRTYPE))
    assert found.manifest.host == "chat1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz"]


def test_a_folder_packed_by_hand_is_read_too(tmp_path):
    found = bundle.read(archive(tmp_path / "b.tar.gz", {"incident-7/manifest.yaml": manifest_with()}))
    assert found.now() == AT


@pytest.mark.parametrize("data", [b"", b"not an archive", b"\x1f\x8b\x08\x00truncated"])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "b.tar.gz").write_bytes(data)
    with pytest.raises(BundleError, match="cannot be read as a bundle"):
        bundle.read(tmp_path / "b.tar.gz")


def test_an_archive_cut_anywhere_is_refused_or_whole(tmp_path):
    bundle.write(tmp_path / "b.tar.gz", evidence(), AT, Stack())
    data = (tmp_path / "b.tar.gz").read_bytes()
    for length in range(0, len(data), 37):
        (tmp_path / "cut.tar.gz").write_bytes(data[:length])
        try:
            found = bundle.read(tmp_path / "cut.tar.gz")
        except BundleError:
            continue
        # Only the archive's own end mark was missing.
        assert length > len(data) - 80
        (raw,) = found.collect(gateway_log(), Deadline(1))
        assert raw.data.count(b"\n") == SECRETS.count(b"\n")


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path):
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("manifest.yaml")
        info.size = 600 << 20
        tar.addfile(info, _Zeros(info.size))
    with pytest.raises(BundleError, match="larger than a bundle can be"):
        bundle.read(tmp_path / "bomb.tar.gz")


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_a_file_that_is_missing_or_a_link_is_not_taken_for_an_empty_log(tmp_path):
    (tmp_path / MANIFEST).write_bytes(
        manifest_with(files=[{"name": "gateway.log", "key": "gateway-log", "origin": "x"}])
    )
    (tmp_path / "gateway.log").symlink_to("/etc/passwd")
    with pytest.raises(ProbeError, match="has lost its file"):
        bundle.read(tmp_path).collect(gateway_log(), Deadline(1))


def test_a_reason_with_any_character_survives(tmp_path):
    strange = "".join(map(chr, [0, 7, 27, 127, 133, 0x2028, 0xFFFE, 0x1F600])) + "é"
    bundle.write(tmp_path / "folder", {"gpu": say("it said {what}", what=strange)}, AT, Stack())
    (absent,) = bundle.read(tmp_path / "folder").manifest.absent
    assert absent.args == {"what": printable(strange)}
    assert "\\x1b" in absent.args["what"]
