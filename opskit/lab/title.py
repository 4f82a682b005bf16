"""The name that a process of the lab has in the list of processes: that of the program which it stands for."""

from __future__ import annotations

import ctypes

_PR_SET_NAME = 15  # linux/prctl.h


def set_title(name: str) -> None:
    """Be called so from now on; the kernel keeps 15 bytes. Where that cannot be had, the name stays what it was."""
    call = getattr(ctypes.CDLL(None), "prctl", None)
    if call is not None:
        call(_PR_SET_NAME, ctypes.c_char_p(name.encode("utf-8")[:15]), 0, 0, 0)
