"""One measured number. Probes emit samples, rules judge them, history keeps and charts them."""

from __future__ import annotations

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """A value of a metric at a time.

    `value` is None where the probe looked and could not tell; `unit` is one of `s`, `%`, `B`, `c` or empty
    (base units of the Nagios perfdata grammar), or what a foreign plugin wrote; `at` is in seconds since the epoch.
    `warn` and `crit` are ranges by which the subject judges itself: they are shown, and no rule of a check. `basis`
    says what it was measured with (model, version): values with another basis belong to another series.
    """

    metric: str
    value: float | None
    unit: str = ""
    labels: dict[str, str] = {}
    at: float = 0.0
    low: float | None = None
    high: float | None = None
    warn: str | None = None
    crit: str | None = None
    basis: str = ""
