"""Real programs as plugins: their state is believed, and nothing is OK that they did not say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from opskit.app import bundle as bundles
from opskit.app.context import Context, reader_for
from opskit.app.observe import Live
from opskit.app.run_checks import run_checks
from opskit.app.snapshot import snapshot
from opskit.definitions import check_file
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.probes.base import Deadline, LateError, ProbeError
from tests.probes.asking import ask, collect, make, replay, value

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def sh(script: str, *words: str, seconds: float = 5.0) -> Reading:
    return ask("plugin", seconds, command=["/bin/sh", "-c", script, "check_x", *words])


def state(reading: Reading) -> tuple[Status, str]:
    (item,) = reading.judged
    return item.status, str(item.text)


STATES = [
    ("echo fine", OK, "fine"),
    ("echo 'X OK - fine | a=1'", OK, "fine"),
    ("echo 'DISK WARNING: little room'; exit 1", WARNING, "little room"),
    ("echo 'CRITICAL - none'; exit 2", CRITICAL, "none"),
    ("echo 'UNKNOWN - nobody may look'; exit 3", UNKNOWN, "nobody may look"),
    # The text never decides.
    ("echo 'CRITICAL - all is lost'", OK, "CRITICAL - all is lost"),
    ("echo 'OK - all is well'; exit 2", CRITICAL, "OK - all is well"),
    ("echo '|a=1'; exit 1", WARNING, "sh"),
    ("printf '\\n\\nlate\\n'; exit 2", CRITICAL, "late"),
    ("echo 'two: CRITICAL'; exit 4", UNKNOWN, "sh ended with 4, which is no state of a plugin: two: CRITICAL"),
    ("echo fine; exit 255", UNKNOWN, "sh ended with 255, which is no state of a plugin: fine"),
    ("exec /nowhere/check_y", UNKNOWN, "sh ended with 127, which is no state of a plugin: check_x: 1: exec: /nowhere"),
    ("echo fine; kill -9 $$", UNKNOWN, "sh was ended by SIGKILL: fine"),
    ("kill -SEGV $$", UNKNOWN, "sh was ended by SIGSEGV"),
    ("exit 0", UNKNOWN, "sh printed nothing to its output, and ended with 0"),
    ("exit 2", UNKNOWN, "sh printed nothing to its output, and ended with 2"),
    ("echo; echo ' '", UNKNOWN, "sh printed nothing to its output, and ended with 0"),
    # A script that broke, and one that was called wrongly: no state either.
    ("echo 'Traceback: boom' >&2; exit 1", UNKNOWN, "printed nothing to its output, and ended with 1: Traceback: boom"),
    ("echo 'usage: x' >&2; exit 2", UNKNOWN, "printed nothing to its output, and ended with 2: usage: x"),
]


@pytest.mark.parametrize(("script", "status", "text"), STATES)
def test_the_exit_code_is_the_state_and_whatever_is_none_is_unknown(script: str, status: Status, text: str) -> None:
    reading = sh(script)
    assert state(reading)[0] is status
    assert text in state(reading)[1]
    assert reading.facts["state"] == status.value
    assert reading.facts["ok"] == {OK: True, UNKNOWN: None}.get(status, False)


def test_perfdata_are_samples_with_the_plugins_own_thresholds() -> None:
    reading = sh("""echo "OK | 'page file'=36%;80;90;0;100 rta=0.5ms;100:;@1:2 x=U odd=1;-5;abc neg=3;-5 bad=1,5" """)
    found = {sample.metric: sample for sample in reading.samples}
    assert set(found) == {"page file", "rta", "x", "neg"}
    page = found["page file"]
    assert (page.value, page.unit, page.warn, page.crit, page.low, page.high) == (36, "%", "80", "90", 0, 100)
    assert (found["rta"].unit, found["rta"].warn, found["rta"].crit) == ("ms", "100:", "@1:2")
    assert found["x"].value is None
    assert (found["neg"].value, found["neg"].warn) == (3, None)
    assert [str(note) for note in reading.notes] == ["2 values of its perfdata make no sense and are left out"]


def test_what_is_too_long_to_be_a_label_or_a_unit_is_left_out() -> None:
    reading = sh(f"echo 'OK | {'a' * 256}=1 {'b' * 255}=2 c=3{'d' * 17} e=4µs'")
    assert [(sample.metric[:1], sample.value, sample.unit) for sample in reading.samples] == [
        ("b", 2, ""),
        ("e", 4, "us"),
    ]
    assert [str(note) for note in reading.notes] == ["2 values of its perfdata make no sense and are left out"]


def test_words_reach_the_plugin_as_they_are() -> None:
    words = ["", "a b", "$HOME", "`id`", "x;y", "*", "温度", "'\"\n"]
    reading = sh('for word in "$@"; do printf "<%s>\\n" "$word"; done', *words)
    said = [state(reading)[1], *map(str, reading.notes)]
    assert "\n".join(said).replace("\\x0a", "\n") == "\n".join(f"<{word}>" for word in words)


def test_details_are_kept_up_to_a_number() -> None:
    reading = sh("seq 0 80")
    assert state(reading) == (OK, "0")
    assert [str(note) for note in reading.notes] == [*(str(number) for number in range(1, 51)), "... 30 more lines"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    reading = sh("printf 'caf\\351 \\000\\033[31m | a=1\\n'")
    assert state(reading) == (OK, "caf\ufffd \\x00\\x1b[31m")
    assert value(reading, "a") == 1


def test_a_number_that_was_cut_is_no_number() -> None:
    reading = sh("printf 'OK | '; seq -f 'x%.0f=123456' -s ' ' 9000")
    assert "only the first 64 KiB of its output are kept" in [str(note) for note in reading.notes]
    assert {sample.value for sample in reading.samples} == {123456}
    assert len(reading.samples) == 500
    assert "only the first 500 values of its perfdata are kept" in [str(note) for note in reading.notes]


def test_one_that_prints_without_end_is_stopped_and_unknown() -> None:
    assert state(sh("yes '0123456789abcdef' | head -c 9000000; exit 0")) == (
        UNKNOWN, "sh was stopped: it printed more than 4 MiB: 0123456789abcdef"
    )  # fmt: skip


def test_one_that_hangs_is_late_and_dies_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(LateError, match="stuck at: run /bin/sh"):
        sh(f"echo OK; sleep 60 & echo $! > {tmp_path}/pid; wait", seconds=0.4)
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/status")
    end = time.monotonic() + 10
    while _lives(status) and time.monotonic() < end:  # a killed process still has to be given the processor
        time.sleep(0.02)
    assert not _lives(status)


def _lives(status: Path) -> bool:
    try:
        return "\nState:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


BROKEN = [
    (["/nowhere/check_x"], "the plugin /nowhere/check_x cannot be run: No such file"),
    (["check_no_such_plugin"], "the plugin check_no_such_plugin cannot be run: No such file"),
    (["/etc/passwd"], "the plugin /etc/passwd cannot be run: Permission denied"),
    (["/"], "the plugin / cannot be run: Permission denied"),
    (["/bin/echo", "a\0b"], "the plugin /bin/echo cannot be run: an argument is no text for a program"),
    (["/bin/echo", "\ud800"], "the plugin /bin/echo cannot be run: an argument is no text for a program"),
    (["/bin/echo", "x" * 3_000_000], "the plugin /bin/echo cannot be run: Argument list too long"),
    ([], "no plugin is named under with.command"),
]


@pytest.mark.parametrize(("command", "text"), BROKEN)
def test_what_cannot_be_run_says_why(command: list[str], text: str) -> None:
    found, args = make("plugin", command=command)
    with pytest.raises(ProbeError) as error:
        found.collect(args, Deadline(5))
    assert text in str(error.value.reason)


def test_a_file_that_is_no_program_says_so(tmp_path: Path) -> None:
    (tmp_path / "check_x").write_text("echo OK\n")
    (tmp_path / "check_x").chmod(0o755)
    with pytest.raises(ProbeError, match="cannot be run: Exec format error"):
        ask("plugin", command=[str(tmp_path / "check_x")])


def test_no_secret_is_kept() -> None:
    (raw,) = collect(
        "plugin", command=["/bin/sh", "-c", "echo OK token=hunter2xyz; echo password=hunter2 >&2", "s3cret"]
    )
    assert b"hunter2" not in raw.data
    assert b"s3cret" not in raw.data
    assert "s3cret" not in raw.name + raw.origin


DAMAGED = [b"", b"{", b"null", b"[]", b"{}", b'{"code": "0"}', b'{"code": 1e400}', b'{"code": 0, "stdout": 5}']


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(ProbeError, match="cannot be read"):
        replay("plugin", data, command=["x"])


@pytest.mark.parametrize("code", ["99999999999", "-99999999999", "-64", "null", "7"])
def test_a_code_that_no_program_ends_with_is_unknown(code: str) -> None:
    assert state(replay("plugin", f'{{"code": {code}, "stdout": "OK"}}'.encode(), command=["x"]))[0] is UNKNOWN


CHECK = """\
summary: Room
why: Because
probe: plugin
with: {{command: [/bin/sh, -c, {script}]}}
{rules}
every: 1m
timeout: 5s
"""


def judged(folder: Path, script: str, rules: str = "") -> Verdict:
    text = CHECK.format(script=json.dumps(script), rules=rules)
    check = check_file.parse(text.encode(), "room.yaml", "room")
    assert check is not None
    context = Context(Settings(), reader_for("en"), folder)
    (outcome,) = run_checks(context, [check], Live(), None)
    return outcome.verdict


def test_the_plugins_state_is_the_verdict_and_rules_may_make_it_worse(tmp_path: Path) -> None:
    assert judged(tmp_path, "echo 'OK | free=9GB'").status is OK
    rules = 'rules: [{metric: free, warn: "10:", crit: "5:"}]'
    assert judged(tmp_path, "echo 'OK | free=9GB'", rules).status is WARNING
    assert judged(tmp_path, "echo 'OK | free=20GB'", rules).status is OK
    assert judged(tmp_path, "echo 'UNKNOWN | free=9GB'; exit 3", rules).status is WARNING
    assert judged(tmp_path, "echo 'UNKNOWN | free=20GB'; exit 3", rules).status is UNKNOWN
    assert judged(tmp_path, "echo 'CRITICAL | free=20GB'; exit 2", rules).status is CRITICAL
    # A number that the rule wants and that is not there is not OK, whatever the plugin thinks.
    assert judged(tmp_path, "echo 'OK'", rules).status is UNKNOWN
    assert judged(tmp_path, "echo 'OK | free=1,5'", rules).status is UNKNOWN
    assert judged(tmp_path, "echo 'OK | free=U'", rules).status is UNKNOWN


def test_a_plugin_that_cannot_be_run_is_not_ok_because_of_what_is_asked_besides(tmp_path: Path) -> None:
    beside = "also: [http]\nrules: [{metric: answered}]"
    assert judged(tmp_path, "echo OK", beside).status is OK
    assert judged(tmp_path, "echo NO; exit 2", beside).status is CRITICAL
    text = CHECK.format(script="x", rules=beside).replace("/bin/sh", "/nowhere/check_x")
    check = check_file.parse(text.encode(), "room.yaml", "room")
    assert check is not None
    (outcome,) = run_checks(Context(Settings(), reader_for("en"), tmp_path), [check], Live(), None)
    assert outcome.verdict.status is UNKNOWN
    assert "the plugin /nowhere/check_x cannot be run" in str(outcome.verdict.items[0].text)


def test_a_snapshot_holds_what_the_plugins_said_and_is_judged_alike(tmp_path: Path) -> None:
    script = f"echo 'WARNING - little | free=9GB;10:'; echo x >> {tmp_path}/ran; exit 1"
    folder = tmp_path / "definitions"
    folder.mkdir()
    (folder / "room.yaml").write_text(CHECK.format(script=json.dumps(script), rules=""))
    context = Context(Settings(), reader_for("en"), folder)
    manifest = snapshot(context, tmp_path / "bundle", pseudonyms=False, timeout=2.0)
    (entry,) = [entry for entry in manifest.files if entry.key.startswith("plugin")]
    assert entry.name == f"{entry.key}.json"
    assert "plugin" not in {item.key for item in manifest.absent}
    room = context.checks()["room"]
    (outcome,) = run_checks(context, [room], bundles.read(tmp_path / "bundle"), None)
    assert (outcome.verdict.status, str(outcome.verdict.items[0].text)) == (WARNING, "little")
    assert [(sample.metric, sample.value, sample.warn) for sample in outcome.verdict.samples] == [("free", 9, "10:")]
    assert (tmp_path / "ran").read_text() == "x\n"
