"""Whether it is a clock that is wrong where a certificate seems to have ended, or not to have begun. Pure but `clock`.

Nothing is taken back on a suspicion: a certificate that has ended by this host's clock is told as that. What speaks for
a wrong clock stands beside it, and only what was seen: the server's own time, a time service without a source, a file
that was written before its certificate begins. A healthy certificate is no occasion: the clock has a check of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from opskit.model.message import Message, say
from opskit.probes.certificate_evidence import Clock, Seen
from opskit.probes.certificate_findings import SKEW_S, Findings
from opskit.probes.kernel_state import kernel_state
from opskit.probes.process_table import processes
from opskit.probes.x509 import Certificate

_JUST_S = 3600.0


def clock() -> Clock | None:
    """What the kernel says of this host's clock; None where nothing here keeps it, so that nothing can be said."""
    kernel = kernel_state(processes())
    if kernel.synchronized is None or (not kernel.synchronized and kernel.time_service is None):
        return None
    return Clock(kernel.synchronized, kernel.time_service or "")


def doubt(findings: Findings, seen: Seen, counted: Sequence[Certificate], kept: Clock | None) -> Message | None:
    """Return what speaks for a wrong clock, None where nothing does or no date is out of order.

    Adds `clock_off_s`, by how much this host's clock is ahead of the server's, where the two differ.
    """
    if _fits(counted, findings.at):
        return None
    told = list[Message]()
    off = None if seen.date is None else findings.at - seen.date
    if off is not None and abs(off) > SKEW_S:
        told += _apart(findings, seen, counted, off)
    elif off is not None and seen.local is False:
        return None  # another machine has the same time
    if _written_before(seen, counted, findings.at):
        told.append(say("it was written here less than an hour before it begins: "
                        "this host's clock is behind, or its issuer's is ahead"))  # fmt: skip
    if kept is not None and not kept.synchronized:
        told.append(say("{service} runs, but this host's clock is not synchronized: see first whether it is right",
                        service=kept.service))  # fmt: skip
    if not told:
        return None
    text = told[0]
    for more in told[1:]:
        text = say("{text}; {more}", text=text, more=more)
    return text


def _apart(findings: Findings, seen: Seen, counted: Sequence[Certificate], off: float) -> list[Message]:
    then = _iso(seen.date or 0.0)
    if then is None:
        return []
    here = findings.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    both = say("here it is {here}, there {there}", here=here, there=then)
    findings.add("clock_off_s", round(off, 1), seen.place, both, "s")
    if not _fits(counted, seen.date or 0.0):
        return []
    return [say("by the server's own clock, {when}, it is valid: one of the two clocks is wrong", when=then)]


def _fits(counted: Sequence[Certificate], at: float) -> bool:
    return all(one.not_before.timestamp() < at + SKEW_S and at < one.not_after.timestamp() for one in counted)


def _written_before(seen: Seen, counted: Sequence[Certificate], at: float) -> bool:
    if seen.changed is None or not 0 <= at - seen.changed < _JUST_S:
        return False
    ahead = max(one.not_before.timestamp() for one in counted) - at
    return SKEW_S <= ahead < _JUST_S


def _iso(moment: float) -> str | None:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # evidence that was tampered with
        return None
