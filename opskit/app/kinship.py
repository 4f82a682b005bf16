"""Which incident a change of state may belong to: that of a check which stands on the same."""

from __future__ import annotations

from opskit.app.context import Context
from opskit.history.incident import Kin
from opskit.model.check import Check

_GRACE_S = 600.0


def kin_of(context: Context, check: Check) -> Kin:
    """Return what an incident must hold for a flip of `check` to be part of it.

    A fault shows in a check only after as many runs as it looks at. What another check has confirmed before that time
    began earlier, and is another fault.
    """
    from opskit.judge.dependence import depends, kin

    known = depends(context.checks().values())
    return Kin(kin(check.id, known), (check.sustain.n + 1) * check.every + _GRACE_S)
