"""What is wrong where NVML shows no card, or refuses one: the numbers of nvmlReturn_t in words, with the remedy."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.probes.gpu_inventory import Inventory, Wrong

_MISMATCH = 18  # NVML_ERROR_LIB_RM_VERSION_MISMATCH
# "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 ...", or "... Open Kernel Module for x86_64".
_MODULE = regex(r"Kernel Module(?: for \S{1,20})? {1,8}(\d{2,4}\.\d{1,4}(?:\.\d{1,4})?)")
_LIBRARY = regex(r"libnvidia-ml\.so\.(\d{2,4}\.\d{1,4}(?:\.\d{1,4})?)$")
_INIT: dict[int, Message] = {
    4: say("this user may not use the NVIDIA driver (/dev/nvidiactl)"),
    8: say("a GPU lacks external power: check its cables"),
    9: say("the NVIDIA driver is not loaded (lsmod shows no nvidia module): was the kernel updated without it?"),
    11: say("the kernel has trouble with the interrupt of a GPU: see dmesg, try another slot"),
    12: say("the NVIDIA driver library libnvidia-ml.so.1 is not on this host: install the driver or mount it here"),
    13: say("libnvidia-ml.so.1 is not a library of the NVIDIA driver, or far too old"),
    15: say("a GPU is lost: reboot; if it comes back, check its seat and its power"),
    16: say("a GPU must be reset: stop what uses it and reboot, or nvidia-smi --gpu-reset"),
    17: say("the operating system blocks access to the GPU: in a container, the rules for its devices"),
    27: say("the NVIDIA driver is not ready yet"),
    999: say("NVML answers 'unknown error': a container has lost access to the GPU, restart it; else see dmesg"),
}
_CARD: dict[int, Message] = {
    8: say("lacks external power: check its cables"),
    11: say("the kernel has trouble with its interrupt: see dmesg, try another slot"),
    14: say("its infoROM is corrupted: have it replaced"),
    15: say("is lost: reboot; if it comes back, check its seat and its power"),
    16: say("must be reset: stop what uses it and reboot, or nvidia-smi --gpu-reset"),
    17: say("the operating system blocks access to it: in a container, the rules for its devices"),
    27: say("is not ready yet"),
    999: say("answers 'unknown error': a container has lost access to it, restart it; else see dmesg"),
}


def trouble_of(found: Inventory) -> Message | None:
    """Return why there is nothing to see at all, and what to do about it."""
    error = found.init_error or found.count_error
    if error is None:
        return None if found.gpus else say("the NVIDIA driver works but shows no GPU")
    if error.code == _MISMATCH:
        return _mismatch(found)
    return _INIT.get(error.code) or say("NVML answers '{text}' ({code})", text=error.text, code=error.code)


def card_trouble(wrong: Wrong) -> Message:
    """Say what an error means for the card that answers with it."""
    known = _CARD.get(wrong.code)
    return known or say("NVML answers '{text}' ({code})", text=wrong.text, code=wrong.code)


def versions(found: Inventory) -> tuple[str | None, str | None]:
    """The versions of the driver in the kernel and of the library that was loaded, as far as they are known."""
    module, library = _MODULE.search(found.module or ""), _LIBRARY.search(found.library or "")
    return module[1] if module else None, library[1] if library else None


def _mismatch(found: Inventory) -> Message:
    module, library = versions(found)
    if module is None and library is None:
        return say("NVIDIA driver and library differ in version (updated, no reboot): reboot, or reload the modules")
    return say(
        "NVIDIA driver and library differ in version: the kernel runs {module}, the library is {library} (updated, no"
        " reboot). Reboot, or stop what uses the GPU and reload the modules; until then new processes get no GPU",
        module=module or say("an unknown version"),
        library=library or say("of an unknown version"),
    )
