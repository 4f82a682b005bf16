"""What a drill comes to: accuracy with its interval, accusations of the innocent, and who was taken for whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

_Z = 1.959964  # two-sided 95 % of the normal distribution


class Run(msgspec.Struct, frozen=True):
    """One fault, once. `truth` and `named` are cause codes, None where there is none; `verdict` is triage's word.

    `beside` is the cause of a second fault at the same time, `also` are the codes that triage listed as seen as well.
    `without` is the evidence that triage could not see. `present` and `healed` were seen by users' requests; `seconds`
    is the time to the verdict.
    """

    fault: str
    truth: str | None
    control: bool
    verdict: str
    named: str | None
    seconds: float
    present: bool
    healed: bool
    users: dict[str, int] = {}
    beside: str | None = None
    also: tuple[str, ...] = ()
    without: str = ""

    @property
    def right(self) -> bool:
        """A fault is right with its own cause named, a control with nobody accused, of two faults either will do."""
        return self.named is None if self.control else self.named is not None and self.named in self.truths

    @property
    def truths(self) -> set[str | None]:
        """The causes that are there."""
        return {self.truth, self.beside} - {None} if self.beside else {self.truth}

    @property
    def other_listed(self) -> bool:
        """Of two faults, whether the one that is not named stands among what was seen as well."""
        return self.right and self.truths - {self.named} <= set(self.also)


class Score(msgspec.Struct, frozen=True):
    """Shares from 0 to 1, None where nothing was counted; times in seconds."""

    runs: int
    accuracy: float | None
    wilson_low: float | None
    wilson_high: float | None
    false_accusations: int
    controls: int
    unknown_share: float | None
    p50_s: float | None
    p95_s: float | None
    not_present: int
    not_healed: int
    pairs: int = 0
    other_listed: float | None = None


def score(runs: Sequence[Run]) -> Score:
    """Sum up. Accuracy is that on faults; controls count only for accusations."""
    faults = [run for run in runs if not run.control]
    controls = [run for run in runs if run.control]
    right = sum(run.right for run in faults)
    low, high = wilson(right, len(faults))
    times = sorted(run.seconds for run in runs)
    pairs = [run for run in runs if run.beside]
    return Score(
        runs=len(runs),
        accuracy=right / len(faults) if faults else None,
        wilson_low=low,
        wilson_high=high,
        false_accusations=sum(run.named is not None for run in controls),
        controls=len(controls),
        unknown_share=sum(run.verdict == "unknown" for run in faults) / len(faults) if faults else None,
        p50_s=quantile(times, 0.5),
        p95_s=quantile(times, 0.95),
        not_present=sum(not run.present for run in runs),
        not_healed=sum(not run.healed for run in runs),
        pairs=len(pairs),
        other_listed=sum(run.other_listed for run in pairs) / len(pairs) if pairs else None,
    )


def wilson(right: int, total: int) -> tuple[float | None, float | None]:
    """The 95 % score interval of a share, which holds for few runs too (E. B. Wilson, 1927, JASA 22:209)."""
    if not total:
        return None, None
    share, square = right / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile of values in order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def confusion(runs: Sequence[Run]) -> Counter[tuple[str, str]]:
    """How often which truth was called what."""
    return Counter((run.truth or "none", run.named or run.verdict) for run in runs)


def as_json(runs: Sequence[Run]) -> dict[str, Any]:
    """The result of a drill with JSON types."""
    rows = [
        {
            "fault": run.fault,
            "truth": run.truth,
            "beside": run.beside,
            "also_seen": list(run.also),
            "without": run.without,
            "control": run.control,
            "verdict": run.named or run.verdict,
            "seconds": round(run.seconds, 3),
            "right": run.right,
            "present": run.present,
            "healed": run.healed,
            "users": run.users,
        }
        for run in runs
    ]
    first, *others = by_evidence(runs).items() or [("", [])]
    blind = {without: msgspec.structs.asdict(score(part)) for without, part in others}
    return {**msgspec.structs.asdict(score(first[1])), "without": blind, "runs": rows}


def by_evidence(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs by what triage could not see, in their order: they make no sum."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.without, []).append(run)
    return found
