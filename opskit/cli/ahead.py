"""What takes longest is begun before the command line is understood: that takes as long as the NVIDIA driver's answer.

It is a guess from the words of the command line. Where it is wrong, nobody asks what was begun, and it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

_OF_CARDS = "gpu-"  # so the checks are called that ask the driver
_ELSEWHERE = ("--from", "-h", "--help")


def begin(arguments: Sequence[str]) -> None:
    """Let the reader of the NVIDIA driver get ready where checks of its cards are named."""
    if "check" not in arguments or not any(word.startswith(_OF_CARDS) for word in arguments):
        return
    if any(word.partition("=")[0] in _ELSEWHERE for word in arguments):
        return
    from opskit.probes import gpu_start

    gpu_start.begin()
