"""Runs as a process of its own and prints what NVML says, as JSON lines: a driver that hangs hangs only this process.

A program for itself, it imports nothing of opskit but its two parts. It waits for one line on standard input, the
question: `{"library": folder or null, "version_file": …, "lock": …}`, the file in which the kernel's driver tells its
version, and what is locked for as long as the driver is asked. It prints `{"stage": …}` before each call that may
block (Xid 119 makes calls wait for tens of seconds, open-gpu-kernel-modules#446), and at the end `{"inventory": …}`.
One failing call costs its field, one failing card costs its row: never the others. A function that the driver does not
have is not called again for the next card.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

import pynvml

from opskit.probes.gpu_reader_call import announce, as_wrong, call, text
from opskit.probes.gpu_reader_host import alone, first_line, mapped_library, person, prefer, question

Ask = Callable[..., Any]
_THRESHOLDS = {"shutdown_c": 0, "slowdown_c": 1, "gpu_max_c": 3}
# NVML_FI_DEV_* of nvml.h: T.Limit offsets in degrees (signed), nvmlDeviceGpuRecoveryAction_t, and since the driver was
# loaded the nanoseconds spent at lower clocks for power (74), heat (269, 270) and the power brake (271).
_FIELDS = {
    "tlimit_shutdown_c": 193,
    "tlimit_slowdown_c": 194,
    "tlimit_max_c": 196,
    "recovery_action": 230,
    "slowed_power_ns": 74,
    "slowed_software_heat_ns": 269,
    "slowed_hardware_heat_ns": 270,
    "slowed_power_brake_ns": 271,
}
_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")  # of the union, by nvmlValueType_t
_EVENTS_AT_MOST = 32
_XID_EVENT = 0x8  # nvmlEventTypeXidCriticalError


def main() -> None:
    """Print the inventory of this host's NVIDIA GPUs; nothing where nobody asks."""
    asked = question()
    if asked is not None:
        alone(asked["lock"])
        usable = not asked["library"] or prefer(asked["library"])
        announce({"inventory": inventory(asked["version_file"], usable=usable)})
    os._exit(0)  # all is said: taking the binding apart takes longer than asking a card


def inventory(version_file: str | None, *, usable: bool) -> dict[str, Any]:
    """Return `{"init_error", "driver", "count_error", "gpus": [...], ...}`; errors are `{"code", "text"}`.

    Nobody is asked where the library that was named is not `usable`.
    """
    found: dict[str, Any] = {"init_error": None, "count_error": None, "driver": None, "gpus": []}
    found["module"] = first_line(version_file)
    if not usable:
        found["init_error"] = as_wrong(pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))
        return found
    _, found["init_error"] = call("nvmlInit", pynvml.nvmlInit)
    found["library"] = mapped_library()
    if found["init_error"]:
        return found
    found["driver"], _ = call("nvmlSystemGetDriverVersion", pynvml.nvmlSystemGetDriverVersion)
    count, found["count_error"] = call("nvmlDeviceGetCount", pynvml.nvmlDeviceGetCount)
    handles = [call(f"nvmlDeviceGetHandleByIndex {i}", pynvml.nvmlDeviceGetHandleByIndex, i) for i in range(count or 0)]
    # Listened to before anything is asked: an Xid that the questions bring about is heard too.
    events = _listen([handle for handle, wrong in handles if wrong is None])
    found["gpus"] = [_gpu(index, handle, wrong) for index, (handle, wrong) in enumerate(handles)]
    found["events"] = _heard(events, [handle for handle, _ in handles])
    return found


def _gpu(index: int, handle: Any, error: dict[str, Any] | None) -> dict[str, Any]:
    card: dict[str, Any] = {"index": index, "errors": {}}
    if error:
        return {**card, "error": error}

    def ask(field: str, *functions: str, with_: tuple[Any, ...] = ()) -> Any:
        """Ask the first function that the driver has; a second one is the name that it had before."""
        for name in functions:
            value, wrong = call(f"{name} {index}", getattr(pynvml, name, None), handle, *with_)
            if wrong is None:
                card["errors"].pop(field, None)
                return value
            card["errors"][field] = wrong
        return None

    card |= _identity(ask)
    card["memory"] = _memory(ask)
    card |= _heat(ask) | _work(ask) | _soundness(ask) | _link(ask)
    card |= _field_values(ask, card["errors"])
    card["processes"] = _processes(ask)
    return card


def _identity(ask: Ask) -> dict[str, Any]:
    pci = ask("pci", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2")
    return {
        "uuid": ask("uuid", "nvmlDeviceGetUUID"),
        "name": ask("name", "nvmlDeviceGetName"),
        "pci": text(pci.busId) if pci is not None else None,
        "capability": ask("capability", "nvmlDeviceGetCudaComputeCapability"),
        "persistence": ask("persistence", "nvmlDeviceGetPersistenceMode"),
    }


def _memory(ask: Ask) -> dict[str, Any] | None:
    """Version 2 tells what the driver reserves apart; version 1 counts it as used (nvml.h, nvmlMemory_v2_t)."""
    found = ask("memory", "nvmlDeviceGetMemoryInfo", with_=(pynvml.nvmlMemory_v2,))
    if found is not None:
        return {"version": 2, "total": found.total, "used": found.used, "reserved": found.reserved}
    found = ask("memory", "nvmlDeviceGetMemoryInfo")
    return None if found is None else {"version": 1, "total": found.total, "used": found.used, "reserved": None}


def _heat(ask: Ask) -> dict[str, Any]:
    sensor = (pynvml.NVML_TEMPERATURE_GPU,)
    threshold = "nvmlDeviceGetTemperatureThreshold"
    return {
        # Drivers before 575 do not have the first of the two.
        "temperature_c": ask("temperature_c", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature", with_=sensor),
        "limits": {name: ask(name, threshold, with_=(kind,)) for name, kind in _THRESHOLDS.items()},
        "margin_c": ask("margin_c", "nvmlDeviceGetMarginTemperature"),
        # The second is the name of before driver 535.
        "reasons": ask(
            "reasons", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"
        ),
    }


def _work(ask: Ask) -> dict[str, Any]:
    rates = ask("utilization", "nvmlDeviceGetUtilizationRates")
    return {
        "utilization_pct": rates.gpu if rates is not None else None,
        "power_mw": ask("power_mw", "nvmlDeviceGetPowerUsage"),
        "power_limit_mw": ask("power_limit_mw", "nvmlDeviceGetEnforcedPowerLimit"),
        "power_default_mw": ask("power_default_mw", "nvmlDeviceGetPowerManagementDefaultLimit"),
    }


def _soundness(ask: Ask) -> dict[str, Any]:
    total, mode = "nvmlDeviceGetTotalEccErrors", ask("ecc_mode", "nvmlDeviceGetEccMode")
    rows = ask("remapped_rows", "nvmlDeviceGetRemappedRows")
    return {
        "ecc": bool(mode[0]) if mode else None,
        "ecc_corrected": ask("ecc_corrected", total, with_=(0, 0)),
        "ecc_uncorrected": ask("ecc_uncorrected", total, with_=(1, 0)),
        "remapped_rows": None if rows is None else [int(value) for value in rows],
        "retired_pending": ask("retired_pending", "nvmlDeviceGetRetiredPagesPendingStatus"),
        "unrepairable": ask("unrepairable", "nvmlDeviceGetUnrepairableMemoryFlag_v1"),
    }


def _link(ask: Ask) -> dict[str, Any]:
    return {
        "pcie_width": ask("pcie_width", "nvmlDeviceGetCurrPcieLinkWidth"),
        "pcie_width_max": ask("pcie_width_max", "nvmlDeviceGetMaxPcieLinkWidth"),
    }


def _field_values(ask: Ask, errors: dict[str, Any]) -> dict[str, Any]:
    """One call succeeds as a whole while single values in it fail, and each value has a type of its own."""
    told = ask("fields", "nvmlDeviceGetFieldValues", with_=(list(_FIELDS.values()),))
    found: dict[str, Any] = dict.fromkeys(_FIELDS)
    for name, value in zip(_FIELDS, told or (), strict=False):
        if value.nvmlReturn:
            errors[name] = as_wrong(pynvml.NVMLError(value.nvmlReturn))
        elif value.valueType < len(_MEMBERS):
            found[name] = int(getattr(value.value, _MEMBERS[value.valueType]))
    if told is None and "fields" in errors:
        errors |= dict.fromkeys(_FIELDS, errors["fields"])
    return found


def _processes(ask: Ask) -> list[dict[str, Any]] | None:
    """Who is on the card, each process once; None where the driver does not tell.

    The unversioned names of the binding raise what is no NVMLError where the driver lacks `_v3`.
    """
    found: dict[int, dict[str, Any]] = {}
    for field, kind in (("processes", "Compute"), ("graphics_processes", "Graphics")):
        name = f"nvmlDeviceGet{kind}RunningProcesses"
        told = ask(field, f"{name}_v3", f"{name}_v2")
        if told is None and kind == "Compute":
            return None
        for item in told or ():
            known = found.setdefault(item.pid, {"pid": item.pid, "used": item.usedGpuMemory})
            known["used"] = known["used"] if known["used"] is not None else item.usedGpuMemory
    return [item | person(item["pid"]) for item in found.values()]


def _listen(handles: list[Any]) -> Any:
    """Return a set of events in which Xids are heard from now on; what came before is lost (nvml.h)."""
    events, wrong = call("nvmlEventSetCreate", pynvml.nvmlEventSetCreate)
    for handle in handles if wrong is None else ():
        kinds, _ = call("nvmlDeviceGetSupportedEventTypes", pynvml.nvmlDeviceGetSupportedEventTypes, handle)
        if kinds and kinds & _XID_EVENT:
            call("nvmlDeviceRegisterEvents", pynvml.nvmlDeviceRegisterEvents, handle, _XID_EVENT, events)
    return events


def _heard(events: Any, handles: list[Any]) -> list[dict[str, Any]]:
    """Take what happened meanwhile, without waiting for more: a timeout is the normal end."""
    heard: list[dict[str, Any]] = []
    places = {_address(handle): index for index, handle in enumerate(handles) if handle is not None}
    while events is not None and len(heard) < _EVENTS_AT_MOST:
        event, wrong = call("nvmlEventSetWait", pynvml.nvmlEventSetWait_v2, events, 0)
        if wrong is not None:
            break
        if event.eventType & _XID_EVENT:
            index = places.get(_address(event.device))
            heard.append({"index": index, "xid": int(event.eventData), "at": time.time()})
    if events is not None:
        call("nvmlEventSetFree", pynvml.nvmlEventSetFree, events)
    return heard


def _address(handle: Any) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value


if __name__ == "__main__":
    main()
