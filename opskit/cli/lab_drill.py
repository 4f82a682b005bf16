"""`opskit lab`: load, record, drill."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from opskit.cli.lab import running
from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context
from opskit.lab.blinds import BLINDS
from opskit.lab.drill import Wish
from opskit.lab.drill import drill as play
from opskit.lab.faults import faults, pairs
from opskit.lab.record import LabError, locked
from opskit.lab.recorder import record as take_down
from opskit.lab.score import Run, Score, as_json, by_evidence, confusion, quantile, score
from opskit.lab.users import Crowd
from opskit.model.message import Message, say
from opskit.model.reader import Reader


def load(options: Options, users: int, seconds: float, asks: str, *, as_json: bool) -> int:
    """Let users ask, then count."""
    reader = plain_context(options).reader
    with locked():
        plan = running().plan
        with Crowd(plan, users, asks, patience=30.0) as crowd:  # type: ignore[arg-type]  # click's choices
            time.sleep(seconds)
    first = sorted(seen.first_s for seen in crowd.noticed if seen.first_s is not None)
    told = {
        "users": users,
        "questions": len(crowd.noticed),
        "outcomes": dict(crowd.tally),
        "first_token_s": {name: quantile(first, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))},
    }
    if as_json:
        out_json(told)
        return 0
    outcomes = ", ".join(f"{word} {count}" for word, count in crowd.tally.most_common())
    text = say(
        "{n} questions of {users} users: {outcomes}", n=len(crowd.noticed), users=users, outcomes=outcomes or "-"
    )
    out(reader.read(text))
    if first:
        half, most = f"{quantile(first, 0.5):.2f}", f"{quantile(first, 0.95):.2f}"
        out(reader.read(say("first token after {half} s for half of them, {most} s for 95 %", half=half, most=most)))
    return 0


def record(options: Options, name: str, into: Path) -> int:
    """Write a bundle and its truth."""
    reader = plain_context(options).reader
    with locked():
        path = take_down(running(), name, into)
    out(reader.read(say("recorded {path}", path=str(path))))
    return 0


def drill(options: Options, ids: tuple[str, ...], which: str | None, wish: Wish, path: Path | None) -> int:
    """Play, print a line for each run as it ends, then the score; 2 where a fault was not present or not healed."""
    reader = plain_context(options).reader
    known = list(faults())
    unknown = [part for name in ids for part in name.split("+") if part not in known]
    if unknown:
        raise LabError(say("there is no fault '{name}': opskit lab faults lists them", name=unknown[0]))
    blind = [name for name in wish.without if name not in BLINDS]
    if blind:
        choices = ", ".join(BLINDS)
        raise LabError(say("'{name}' cannot be taken away, expected one of {known}", name=blind[0], known=choices))
    names = {"all": known, "pairs": pairs()}.get(which or "", list(ids))
    if not names:
        raise LabError(say("name the faults to rehearse, or --all or --pairs"))
    runs: list[Run] = []
    with locked():
        for run in play(running(), names, wish):
            runs.append(run)
            sys.stderr.write(f"{len(runs)}/{wish.repeat * len(names) * len(wish.looks)} {_line(run, reader)}\n")
    if path is not None:
        path.write_text(json.dumps(as_json(runs), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out(_table(runs, reader))
    return 0 if all(run.present and run.healed for run in runs) else 2


def _line(run: Run, reader: Reader) -> str:
    word = say("right") if run.right else say("WRONG")
    said = run.named or run.verdict
    truth = "+".join(filter(None, (run.truth, run.beside))) or "-"
    without = " " + reader.read(say("without {evidence}", evidence=run.without)) if run.without else ""
    return f"{reader.read(word)} {run.fault}{without}: {truth} / {said}, {run.seconds:.1f} s"


def _table(runs: Sequence[Run], reader: Reader) -> str:
    heads = [
        say("FAULT"),
        say("TRUTH"),
        say("TRIAGE SAID"),
        say("SECONDS"),
        say("PRESENT"),
        say("HEALED"),
        say("USERS"),
    ]
    rows = [
        [
            " -".join(filter(None, (run.fault, run.without))),
            "+".join(filter(None, (run.truth, run.beside))) or "-",
            run.named or run.verdict,
            f"{run.seconds:.1f}",
            _yes(run.present, reader),
            _yes(run.healed, reader),
            " ".join(f"{word} {count}" for word, count in sorted(run.users.items())),
        ]
        for run in runs
    ]
    parts = [tabulate(rows, [reader.read(head) for head in heads], tablefmt="plain", disable_numparse=True)]
    for without, some in by_evidence(runs).items():
        lines = [reader.read(line) for line in _summary(score(some))]
        heading = [reader.read(say("without {evidence}", evidence=without))] if without else []
        parts += [_confusion(some, reader), "\n".join([*heading, *lines])]
    return "\n\n".join(parts)


def _confusion(runs: Sequence[Run], reader: Reader) -> str:
    heads = [reader.read(head) for head in (say("TRUTH"), say("TRIAGE SAID"), say("TIMES"))]
    rows = [[truth, said, count] for (truth, said), count in sorted(confusion(runs).items())]
    return tabulate(rows, heads, tablefmt="plain", disable_numparse=True)


def _summary(result: Score) -> list[Message]:
    lines = []
    if result.accuracy is not None:
        lines.append(
            say(
                "named the right cause: {share} of {n} faults (95 %: from {low} to {high})",
                share=_percent(result.accuracy),
                n=result.runs - result.controls,
                low=_percent(result.wilson_low),
                high=_percent(result.wilson_high),
            )
        )
        lines.append(say("could not tell: {share} of the faults", share=_percent(result.unknown_share)))
    if result.other_listed is not None:
        lines.append(
            say(
                "of two faults the other was listed as well: {share} of {n}",
                share=_percent(result.other_listed),
                n=result.pairs,
            )
        )
    lines.append(
        say("accused somebody on {n} of {controls} controls", n=result.false_accusations, controls=result.controls)
    )
    if result.p50_s is not None and result.p95_s is not None:
        lines.append(
            say("time to the verdict: {half} s, 95 %: {most} s", half=f"{result.p50_s:.1f}", most=f"{result.p95_s:.1f}")
        )
    if result.not_present or result.not_healed:
        lines.append(say("not present: {absent}, not healed: {ill}", absent=result.not_present, ill=result.not_healed))
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _yes(value: bool, reader: Reader) -> str:
    return reader.read(say("yes") if value else say("NO"))
