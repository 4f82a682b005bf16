"""How fast an error budget burns: bad requests against those that the objective allows (SRE workbook, chapter 5).

A rate of 1 spends the budget of the period exactly; 14.4 for an hour spends a fiftieth of 30 days. Below some thousand
requests a day the rate of a short window is noise, so with few bad requests none is given.
"""

from __future__ import annotations

_FEWEST = 5


def burn_rate(bad: int, total: int, objective_pct: float) -> float | None:
    """Return how many times faster than allowed the budget burns; None where nothing ended.

    Fewer than five bad requests burn nothing: by one in ten a quiet night would be an incident.
    """
    allowed = 1 - objective_pct / 100
    if total <= 0 or allowed <= 0:
        return None
    return 0.0 if bad < _FEWEST else bad / total / allowed
