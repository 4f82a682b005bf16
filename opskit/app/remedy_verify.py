"""Looks again after a remedy: the probes that the cure's condition needs, until it holds or the patience is over.

It must hold twice in a row: between a restart and the next crash a service answers once.
"""

from __future__ import annotations

import time

from opskit.app.context import Context
from opskit.app.observe import Live, observe
from opskit.app.run_triage import jobs_of
from opskit.model.treatment import Verified
from opskit.triage.tree import Tree
from opskit.triage.verify import probes_of, verified

_PAUSE_S = 1.0
_TWICE = 2


def verify(context: Context, tree: Tree, code: str, patience_s: float) -> Verified:
    """Return the last of the looks; the first is taken at once. Raises DefinitionError."""
    began = time.monotonic()
    names, held = probes_of(tree, code), 0
    while True:
        readings = dict(observe(jobs_of(tree.playbook, names, context.settings), Live()))
        found = verified(tree, code, readings, time.monotonic() - began)
        held = held + 1 if found.holds == "yes" else 0
        # What held once at the very end gets its second look.
        if held == _TWICE or (not held and time.monotonic() - began >= patience_s):
            return found
        time.sleep(_PAUSE_S)
