"""What proves a finding, as lines: the facts, and below them where they were read. Every report of triage shows these.

Facts that were read in the same place stand together above it, so that no place is shown twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opskit.judge.perfdata import decimal
from opskit.model.diagnosis import Measured
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.reading import Fact

_PLACES = 3  # more of one kind prove nothing more


def grouped(proof: Sequence[Measured]) -> Iterator[tuple[list[Measured], list[Evidence]]]:
    """Yield facts with the places they share, in order; a place that was shown for earlier facts is not repeated."""
    groups: dict[tuple[Evidence, ...], list[Measured]] = {}
    for measured in proof:
        groups.setdefault(measured.evidence[:_PLACES], []).append(measured)
    shown: set[tuple[str, str]] = set()
    for places, facts in groups.items():
        new = {(place.where, place.text): place for place in places if (place.where, place.text) not in shown}
        shown |= set(new)
        yield facts, list(new.values())


def proof_lines(proof: Sequence[Measured], reader: Reader) -> list[str]:
    """`gateway.refused = yes`, and below it where that was read."""
    lines = []
    for facts, places in grouped(proof):
        lines += [fact_text(measured, reader) for measured in facts]
        for place in places:
            text = f"  {printable(place.text, 300)}" if place.text else ""
            lines.append(f"    {printable(place.where, 200)}{text}")
    return lines


def fact_text(measured: Measured, reader: Reader) -> str:
    """`gateway.refused = yes`."""
    return f"{measured.fact} = {value_text(measured.value, reader)}"


def value_text(value: Fact, reader: Reader) -> str:
    """Return a fact's value as a person says it."""
    if value is None:
        return reader.read(say("unknown"))
    if isinstance(value, bool):
        return reader.read(say("yes") if value else say("no"))
    if isinstance(value, float):
        return decimal(round(value, 3) if not value or abs(value) >= 0.001 else float(f"{value:.3g}"))
    return printable(str(value)) or "-"
