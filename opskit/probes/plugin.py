"""Any monitoring plugin as a check: a program that says OK, WARNING, CRITICAL or UNKNOWN by its exit code.

The state is the plugin's own, its perfdata become metrics that rules may judge besides. Whatever is no answer is
UNKNOWN: an exit code above 3, a signal, an output that is empty, whatever the code (a script that breaks ends with 1,
one that is called wrongly with 2, and both print to stderr). The text never decides: monitoring-plugins guideline,
"Plugin Return Codes".
"""

from __future__ import annotations

import hashlib
import re
import signal
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from opskit.judge.perfdata import Performance
from opskit.judge.plugin_output import PluginOutput, split_output
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.regex import regex
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.model.status import Status
from opskit.model.verdict import Item
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, Whole, as_facts
from opskit.probes.child import Output, run

_CAP_BYTES = 4 << 20  # a plugin that prints more is stopped
_KEPT = 64 << 10  # characters, eight times what Nagios keeps
_LINES = 50
_NUMBERS = 500
_LONGEST_LABEL = 255
_LONGEST_UNIT = 16
_EXCERPT = 300
_UNITS = {"µs": "us"}  # the one unit that is not ASCII, as Nagios spells it
_BY_CODE = {status.exit_code: status for status in Status}
_NO_FILE_NAME = regex(r"[^A-Za-z0-9_.-]+")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`command` is the program, by its full path or by a name on PATH, and its arguments. No shell ever sees it."""

    command: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """`state` is ok, warning, critical or unknown; `ok` is None where it is unknown; `text` what the plugin said."""

    state: str | None = None
    ok: bool | None = None
    text: str | None = None


class Ran(msgspec.Struct, frozen=True):
    """What came of a plugin. `code` is negative for a signal, None where it was stopped for printing too much.

    `cut` says that only the beginning of its output is here.
    """

    code: Whole | None
    stdout: str = ""
    stderr: str = ""
    cut: bool = False


class PluginProbe(Probe[Args]):
    """Runs one plugin once."""

    arguments = Args
    facts = Facts
    open_metrics = True
    needs = frozenset({"command"})

    def defaults(self, settings: Settings) -> Args:
        """Nothing: only a definition knows which plugin."""
        del settings
        return Args()

    def key(self, args: Args) -> str:
        """Name the plugin, and tell its calls apart without showing their arguments."""
        if not args.command:
            return "plugin"
        digest = hashlib.sha256(msgspec.json.encode(args.command)).hexdigest()[:8]
        return f"plugin-{_NO_FILE_NAME.sub('_', Path(args.command[0]).name)[:60]}-{digest}"

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Run the plugin to its end; its whole process group ends with the deadline."""
        if not args.command:
            raise ProbeError(say("no plugin is named under with.command"))
        program = args.command[0]
        try:
            output = run(args.command, deadline, say("run {command}", command=program), _CAP_BYTES)
        except OSError as error:
            why = error.strerror or str(error)
            raise ProbeError(say("the plugin {program} cannot be run: {why}", program=program, why=why)) from None
        except ValueError:  # of the system's interface; its text may quote an argument
            text = say("the plugin {program} cannot be run: an argument is no text for a program", program=program)
            raise ProbeError(text) from None
        if not output.finished and len(output.stdout) + len(output.stderr) < _CAP_BYTES:
            raise deadline.expired()
        return (pack(f"{self.key(args)}.json", _ran(output), program),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Take the plugin's word for its state, and its numbers for samples."""
        ran, at = unpack(raws, Ran), now.timestamp()
        program = args.command[0] if args.command else raws[0].origin
        printed = split_output(ran.stdout)
        status, text = _judged(ran, printed, Path(program).name)
        numbers = [item for item in printed.numbers if _is_sane(item)][:_NUMBERS]
        samples = [
            Sample(
                item.label,
                item.value,
                _UNITS.get(item.unit, item.unit),
                {},
                at,
                item.low,
                item.high,
                item.warn,
                item.crit,
            )
            for item in numbers
        ]
        senseless = printed.rejected + sum(not _is_sane(item) for item in printed.numbers)
        excerpt = (printed.said or _first_line(ran.stderr))[:_EXCERPT]
        facts = Facts(status.value, None if status is Status.UNKNOWN else status is Status.OK, excerpt)
        proof = (Evidence(program, excerpt, field=f"exit code {ran.code}", at=at),)
        return Reading(
            as_facts(facts),
            dict.fromkeys(Facts.__struct_fields__, proof),
            {"ok": text} if facts.ok is None else {},
            tuple(samples),
            tuple(_notes(ran, printed, senseless)),
            judged=(Item(status, text),),
        )


def _ran(output: Output) -> Ran:
    stdout = redact(output.stdout.decode("utf-8", "replace"))
    stderr = redact(output.stderr.decode("utf-8", "replace"))
    kept = stdout[:_KEPT]
    if len(stdout) > _KEPT:
        kept = re.sub(r"\S*\Z", "", kept, count=1)  # half a number is a wrong number
    return Ran(output.code, kept, stderr[:_KEPT], len(stdout) > _KEPT)


def _is_sane(item: Performance) -> bool:
    return len(item.label) <= _LONGEST_LABEL and len(item.unit) <= _LONGEST_UNIT


def _judged(ran: Ran, printed: PluginOutput, name: str) -> tuple[Status, Message]:
    said = printed.said or _first_line(ran.stderr)
    if ran.code is None:
        limit = _CAP_BYTES >> 20
        wrong = say("{plugin} was stopped: it printed more than {limit} MiB", plugin=name, limit=limit)
    elif ran.code < 0:
        wrong = say("{plugin} was ended by {signal}", plugin=name, signal=_signal(-ran.code))
    elif ran.code not in _BY_CODE:
        wrong = say("{plugin} ended with {code}, which is no state of a plugin", plugin=name, code=ran.code)
    elif not printed.said and not printed.numbers:
        wrong = say("{plugin} printed nothing to its output, and ended with {code}", plugin=name, code=ran.code)
    else:
        status = _BY_CODE[ran.code]
        return status, say("{what}", what=_without_state(said, status)) if said else say("{plugin}", plugin=name)
    text = say("{wrong}: {said}", wrong=wrong, said=said) if said else wrong
    return Status.UNKNOWN, text


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _without_state(said: str, status: Status) -> str:
    """`DISK OK - free space` is `free space`: opskit writes the state itself. Another state than its own stays."""
    match = re.match(rf"(?:[A-Za-z0-9_./-]{{1,40}} ){{0,3}}{status.name}\s*[-:]\s+(?=\S)", said)
    return said[match.end() :] if match else said


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _notes(ran: Ran, printed: PluginOutput, senseless: int) -> list[Message]:
    lines = [say("{line}", line=line) for line in printed.details[:_LINES]]
    if len(printed.details) > _LINES:
        lines.append(say("... {n} more lines", n=len(printed.details) - _LINES))
    if ran.cut:
        lines.append(say("only the first {n} KiB of its output are kept", n=_KEPT >> 10))
    if len(printed.numbers) > _NUMBERS:
        lines.append(say("only the first {n} values of its perfdata are kept", n=_NUMBERS))
    if senseless:
        lines.append(say("{n} values of its perfdata make no sense and are left out", n=senseless))
    return lines
