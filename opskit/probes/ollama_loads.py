"""What the loads of models tell: one that does not end, one for every question, and models that drive each other out.

Loading 20 GB takes from some seconds to two minutes, and that is no fault; that it happens again and again is one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import tzinfo

from opskit.judge.average import median
from opskit.logs.ollama_loads import Load, loads
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.raw import Raw
from opskit.model.reading import Fact
from opskit.probes.log_tail import AHEAD_S

NAMES = ("loads", "loads_changed", "loads_other_model", "loads_failed", "loading_s", "load_median_s")
_FRESH_S = 600.0
_KEPT_S = 300.0  # for which Ollama keeps an idle model by default
_KEPT = 600


def told_of_loads(
    raws: Sequence[Raw], zone: tzinfo, at: float, recent_s: float
) -> tuple[dict[str, Fact], dict[str, tuple[Evidence, ...]]]:
    """Return facts about the loads of the last `recent_s` seconds, and their newest lines.

    `loads`: how many began; `loads_changed`: with another context than the one before, for the same model, but not
    those with which Ollama itself tries anew what has failed; `loads_other_model`: of a model that was loaded well so
    short a time before that only another one, loaded in between, can have driven it out; `loads_failed`: failed or were
    given up; `loading_s`: how long the one that has not ended goes on, 0 without one; `load_median_s`: how long those
    took that ended well.
    """
    found = [
        (load, raw)
        for raw in raws
        for load in loads(raw.data, raw.first_line, zone, at)
        if -AHEAD_S <= at - load.at <= recent_s
    ]
    known = [load for load, _ in found]
    pairs = list(itertools.pairwise(known))
    newest = known[-1] if known else None
    took = [load.took_s for load in known if load.took_s is not None]
    goes_on = newest is not None and newest.end == "open" and at - newest.at <= _FRESH_S
    facts: dict[str, Fact] = {
        "loads": len(known),
        "loads_changed": sum(_is_changed(one, other) for one, other in pairs),
        "loads_other_model": sum(_is_back(known[:place], load) for place, load in enumerate(known)),
        "loads_failed": sum(load.end in {"failed", "abandoned"} for load in known),
        "loading_s": round(max(0.0, at - newest.at), 1) if goes_on and newest is not None else 0.0,
        "load_median_s": round(median(took), 2) if took else None,
    }
    if not found:
        return facts, {}
    load, raw = found[-1]
    return facts, dict.fromkeys(NAMES, (Evidence(raw.origin, redact(load.text)[:_KEPT], load.line, at=load.at),))


def _is_changed(one: Load, other: Load) -> bool:
    same = one.model is not None and one.model == other.model and one.end != "failed"
    return same and None not in (one.context, other.context) and one.context != other.context


def _is_back(before: Sequence[Load], load: Load) -> bool:
    """Whether its model was loaded a moment ago, and another one since. Idle models leave by themselves, but later."""
    if load.model is None or not before or before[-1].model in {None, load.model}:
        return False
    own = [one for one in before if one.model == load.model]
    return bool(own) and own[-1].end == "started" and load.at - own[-1].at <= _KEPT_S
