"""The lab's `journalctl`: what Ollama and the kernel have logged, as the systemd journal of a host would hold it.

Run: `python -m opskit.lab.journal FOLDER [ARGUMENTS OF JOURNALCTL]`. Where systemd's own tools are installed, they
write a real journal file and read it; elsewhere the same entries are told as `journalctl -o json` prints them.
Fields after systemd.journal-fields(7), the stream that is imported after systemd's "Journal Export Formats".
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from opskit.logs import stamp
from opskit.logs.envelope import unwrap

LOGS = {"ollama.log": {"_SYSTEMD_UNIT": "ollama.service", "_TRANSPORT": "stdout", "SYSLOG_IDENTIFIER": "ollama"},
        "kernel.log": {"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel"}}  # fmt: skip
_BOOT = "6f1c9a54c1f34d8e9f0b7a3f5f8e2d10"
_UPTIME_S = 4 * 86_400
_SAME_S = 1.5
_IMPORTER = ("systemd-journal-remote", "/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote")
_ALWAYS = ("__CURSOR", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "_BOOT_ID")
Entry = dict[str, str]


def write_program(root: Path) -> Path:
    """Write FOLDER/bin/journalctl, which runs this module on the lab in that folder."""
    program = root / "bin" / "journalctl"
    program.parent.mkdir(exist_ok=True)
    command = shlex.join([sys.executable, "-m", "opskit.lab.journal", str(root)])
    fresh = program.with_name("journalctl.new")
    fresh.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
    fresh.chmod(0o700)
    fresh.replace(program)  # in one step: somebody may be running it
    return program


def main(root: Path, words: list[str]) -> int:
    """Answer as journalctl does; the exit code is journalctl's."""
    importer = next((found for name in _IMPORTER if (found := shutil.which(name))), None)
    others = [folder for folder in os.get_exec_path() if Path(folder) != root / "bin"]
    reader = shutil.which("journalctl", path=os.pathsep.join(others))
    try:
        if importer is None or reader is None:
            return _tell(entries(root), words)
        journal = _journal(root, importer)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"journalctl of the lab: {error}\n")
        return 1
    return subprocess.run([reader, "--file", str(journal), *words], check=False).returncode


def entries(root: Path) -> list[Entry]:
    """Every line of the two logs as an entry, by time; a line that carries no time came with the one before it."""
    told = [entry for name, fields in LOGS.items() for entry in _entries(root / name, fields)]
    told.sort(key=lambda entry: int(entry["__REALTIME_TIMESTAMP"]))
    began = datetime.now(UTC).timestamp() - _UPTIME_S
    for number, entry in enumerate(told):
        micros = int(entry["__REALTIME_TIMESTAMP"])
        entry["__MONOTONIC_TIMESTAMP"] = str(max(0, micros - round(began * 1e6)))
        entry["__CURSOR"] = f"s=0;i={number:x};b={_BOOT};m={micros:x}"
    return told


def _entries(log: Path, fields: Entry) -> Iterator[Entry]:
    zone = datetime.now(UTC).astimezone().tzinfo or UTC
    at = log.stat().st_mtime
    for line in log.read_text("utf-8", "replace").splitlines():
        # A kernel line keeps its text alone; what Ollama prints goes into the journal as it is.
        text, told = _kernel_line(line, zone) if fields["_TRANSPORT"] == "kernel" else (line, _time(line, zone))
        # The access lines know whole seconds only: they came after the line above them all the same.
        at = at if told is None or at - _SAME_S < told < at else told
        yield {"__REALTIME_TIMESTAMP": str(round(at * 1e6)), "_BOOT_ID": _BOOT, **fields, "MESSAGE": text}


def _kernel_line(line: str, zone: tzinfo) -> tuple[str, float | None]:
    opened = unwrap(line, zone)
    return opened.text.partition(" kernel: ")[2] or opened.text, opened.at


def _time(line: str, zone: tzinfo) -> float | None:
    return stamp.gin(line[6:27], zone) if line.startswith("[GIN] ") else stamp.slog(line)


def _journal(root: Path, importer: str) -> Path:
    """Write the journal file anew, because a copy that misses the newest line would look calm; return where it is."""
    journal = root / "journal" / "lab.journal"
    journal.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=journal.parent) as folder:
        fresh = Path(folder) / "lab.journal"
        command = [importer, f"--output={fresh}", "--split-mode=none", "-"]
        subprocess.run(command, input=b"".join(map(_exported, entries(root))), capture_output=True, check=True)
        fresh.replace(journal)
    return journal


def _exported(entry: Entry) -> bytes:
    """An entry in the export format: the message with its length, because it may hold anything."""
    plain = "".join(f"{name}={value}\n" for name, value in entry.items() if name not in {"__CURSOR", "MESSAGE"})
    message = entry["MESSAGE"].encode("utf-8", "replace")
    framed = b"MESSAGE\n" + struct.pack("<Q", len(message)) + message
    return f"{plain}_MACHINE_ID={_BOOT}\nPRIORITY=6\n".encode() + framed + b"\n\n"


def _tell(told: list[Entry], words: list[str]) -> int:
    """Select and print entries as `journalctl -o json` would; what else journalctl can do is not understood."""
    parser = ArgumentParser(prog="journalctl", allow_abbrev=False)
    parser.add_argument("-u", dest="unit")
    parser.add_argument("-k", dest="kernel", action="store_true")
    parser.add_argument("-o", dest="output", choices=["json"], required=True)
    parser.add_argument("-n", dest="count", type=int)
    parser.add_argument("--since", type=lambda text: float(text.removeprefix("@")), default=0.0)
    parser.add_argument("--output-fields", type=lambda text: text.split(","))
    for flag in ("--no-pager", "--quiet", "--reverse"):
        parser.add_argument(flag, action="store_true")
    wanted = parser.parse_args(words)
    found = [entry for entry in told if int(entry["__REALTIME_TIMESTAMP"]) >= wanted.since * 1e6]
    if wanted.unit:
        unit = wanted.unit if "." in wanted.unit else f"{wanted.unit}.service"
        found = [entry for entry in found if entry.get("_SYSTEMD_UNIT") == unit]
    if wanted.kernel:
        found = [entry for entry in found if entry["_TRANSPORT"] == "kernel"]
    if wanted.count is not None:
        found = found[max(0, len(found) - wanted.count) :]
    for entry in reversed(found) if wanted.reverse else found:
        fields = entry if not wanted.output_fields else (*_ALWAYS, *wanted.output_fields)
        shown = {name: entry[name] for name in fields if name in entry}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
