"""The systemd journal as evidence, through journalctl: entries as JSON, each with its own time and zone."""

from __future__ import annotations

from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.child import Output, run

_CAP_BYTES = 32 << 20
_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_PID"  # what is read, and nothing of command lines and environments


def collect_journal(
    name: str, match: tuple[str, ...], since: float, deadline: Deadline, program: str = "journalctl", until: float = 0.0
) -> Raw:
    """Return the entries since `since` (epoch seconds) that `match` selects, such as `("-u", "ollama")` or `("-k",)`.

    With `until` (epoch seconds) only those before it.

    Raises ProbeError where there is no journal, where it may not be read, or where the selection has never logged:
    an empty answer is believed only from a source that is known to speak.
    """
    shown = " ".join(("journalctl", *match))
    base = (program, *match, "--no-pager", "--quiet", "-o", "json", f"--output-fields={_FIELDS}")
    # Newest first: where time or room run out, it is the oldest entries that are missing.
    end = ("--until", f"@{int(until)}") if until else ()
    found = _run((*base, "--since", f"@{int(since)}", *end, "--reverse"), deadline, shown)
    if not found.stdout.strip():
        _insist_on_a_voice(_run((*base, "-n", "1"), deadline, shown), shown)
    return Raw(name, _oldest_first(found), shown, complete=found.finished)


def _oldest_first(found: Output) -> bytes:
    """Turn the entries round; the last one of an output that was cut may be half an entry, and is left out."""
    entries = found.stdout.split(b"\n")[:-1] if not found.finished else found.stdout.splitlines()
    return b"".join(entry + b"\n" for entry in reversed(entries))


def _run(argv: tuple[str, ...], deadline: Deadline, shown: str) -> Output:
    try:
        found = run(argv, deadline, say("run {command}", command=shown), _CAP_BYTES)
    except FileNotFoundError:
        raise ProbeError(
            say("{program} is not installed: name a log file in opskit.yaml instead of the journal", program=argv[0])
        ) from None
    except PermissionError:
        raise ProbeError(say("{program} may not be run by this user", program=argv[0])) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise ProbeError(say("{command} failed: {why}", command=shown, why=why)) from None
    if not found.finished and not found.stdout:
        raise deadline.expired()
    if found.code not in {0, None}:
        why = found.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ProbeError(say("{command} failed: {why}", command=shown, why=why or f"exit code {found.code}"))
    return found


def _insist_on_a_voice(newest: Output, shown: str) -> None:
    if not newest.stdout.strip():
        raise ProbeError(
            say(
                "{command} shows nothing: no such unit, no journal, or this user may not read it "
                "(group systemd-journal)",
                command=shown,
            )
        )
