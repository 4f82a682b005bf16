"""Runs as a process of its own and prints what NVML says, as JSON lines: a driver that hangs hangs only this process.

A program for itself, it imports nothing of opskit. It prints `{"stage": …}` before each call that may block (Xid 119
makes calls wait for tens of seconds, open-gpu-kernel-modules#446), and at the end `{"inventory": …}`. One failing call
costs its field, one failing card costs its row: never the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pynvml

_THRESHOLDS = {"shutdown_c": 0, "slowdown_c": 1, "gpu_max_c": 3}


def main() -> None:
    """Print the inventory of this host's NVIDIA GPUs."""
    _print({"inventory": inventory()})


def inventory() -> dict[str, Any]:
    """Return `{"init_error", "driver", "count_error", "gpus": [...]}`; errors are `{"code", "text"}`."""
    found: dict[str, Any] = {"init_error": None, "count_error": None, "driver": None, "gpus": []}
    _, found["init_error"] = _call("nvmlInit", pynvml.nvmlInit)
    if found["init_error"]:
        return found
    found["driver"], _ = _call("nvmlSystemGetDriverVersion", pynvml.nvmlSystemGetDriverVersion)
    count, found["count_error"] = _call("nvmlDeviceGetCount", pynvml.nvmlDeviceGetCount)
    found["gpus"] = [_gpu(index) for index in range(count or 0)]
    return found


def _gpu(index: int) -> dict[str, Any]:
    card: dict[str, Any] = {"index": index, "errors": {}}
    handle, error = _call(f"nvmlDeviceGetHandleByIndex {index}", pynvml.nvmlDeviceGetHandleByIndex, index)
    if error:
        return {**card, "error": error}

    def ask(field: str, function: Callable[..., Any], *arguments: Any) -> Any:
        value, wrong = _call(f"{function.__name__} {index}", function, handle, *arguments)
        if wrong:
            card["errors"][field] = wrong
        return value

    card["uuid"] = ask("uuid", pynvml.nvmlDeviceGetUUID)
    card["name"] = ask("name", pynvml.nvmlDeviceGetName)
    card["memory"] = _memory(ask, card)
    card["temperature_c"] = _temperature(ask, card)
    card["limits"] = {name: ask(name, pynvml.nvmlDeviceGetTemperatureThreshold, k) for name, k in _THRESHOLDS.items()}
    card["margin_c"] = ask("margin_c", pynvml.nvmlDeviceGetMarginTemperature)
    card["reasons"] = _reasons(ask, card)
    rates = ask("utilization", pynvml.nvmlDeviceGetUtilizationRates)
    card["utilization_pct"] = rates.gpu if rates is not None else None
    card["power_mw"] = ask("power_mw", pynvml.nvmlDeviceGetPowerUsage)
    card["power_limit_mw"] = ask("power_limit_mw", pynvml.nvmlDeviceGetEnforcedPowerLimit)
    return card


def _memory(ask: Callable[..., Any], card: dict[str, Any]) -> dict[str, Any] | None:
    """Version 2 tells what the driver reserves apart; version 1 counts it as used (nvml.h, nvmlMemory_v2_t)."""
    found = ask("memory", pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlMemory_v2)
    if found is not None:
        return {"version": 2, "total": found.total, "used": found.used, "reserved": found.reserved}
    found = ask("memory", pynvml.nvmlDeviceGetMemoryInfo)
    if found is None:
        return None
    card["errors"].pop("memory", None)
    return {"version": 1, "total": found.total, "used": found.used, "reserved": None}


def _temperature(ask: Callable[..., Any], card: dict[str, Any]) -> int | None:
    value: int | None = ask("temperature_c", pynvml.nvmlDeviceGetTemperatureV, pynvml.NVML_TEMPERATURE_GPU)
    if value is None:  # drivers before 575 do not have it
        value = ask("temperature_c", pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
    if value is not None:
        card["errors"].pop("temperature_c", None)
    return value


def _reasons(ask: Callable[..., Any], card: dict[str, Any]) -> int | None:
    value: int | None = ask("reasons", pynvml.nvmlDeviceGetCurrentClocksEventReasons)
    if value is None:  # the name of before driver 535
        value = ask("reasons", pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
    if value is not None:
        card["errors"].pop("reasons", None)
    return value


def _call(stage: str, function: Callable[..., Any], *arguments: Any) -> tuple[Any, dict[str, Any] | None]:
    _print({"stage": stage})
    try:
        return function(*arguments), None
    except pynvml.NVMLError as error:
        return None, {"code": int(error.value), "text": str(error)}
    except pynvml.NVMLLibraryMismatchError as error:  # not a subclass of NVMLError
        return None, {"code": pynvml.NVML_ERROR_FUNCTION_NOT_FOUND, "text": str(error)}


def _print(value: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
