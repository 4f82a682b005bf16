"""The JSON bodies of a scripted Ollama, after its api/types.go. Durations are nanoseconds, sizes bytes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from tests.stand_ins.service import Json

FILE_SIZE = 20_201_253_588  # qwen3:32b in Q4_K_M
LOADED_SIZE = 20_900_000_000  # the same with a 4k context and its buffers
VERSIONS = {"0.30": "0.32.15", "0.12": "0.12.3"}
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "qwen3",
    "families": ["qwen3"],
    "parameter_size": "32.8B",
    "quantization_level": "Q4_K_M",
}


def digest(model: str) -> str:
    """A stable digest for a name."""
    return hashlib.sha256(model.encode()).hexdigest()


def tags(models: list[str], now: datetime) -> Json:
    """`/api/tags`: what is on the disk."""
    modified = (now - timedelta(days=30)).isoformat()
    common = {"modified_at": modified, "size": FILE_SIZE, "details": _DETAILS, "capabilities": ["completion", "tools"]}
    return {"models": [{"name": name, "model": name, "digest": digest(name), **common} for name in models]}


def running(model: str, control: Json, now: datetime) -> Json:
    """`/api/ps`: what is in memory. `vram_share` below 1 is a model that spilled to the CPU."""
    if not control.get("loaded", True):
        return {"models": []}
    entry = {
        "name": model,
        "model": model,
        "size": LOADED_SIZE,
        "digest": digest(model),
        "details": _DETAILS,
        "expires_at": (now + timedelta(seconds=control.get("expires_in_s", 300))).isoformat(),
        "size_vram": round(LOADED_SIZE * control.get("vram_share", 1.0)),
        "context_length": control.get("context_length", 4096),
    }
    return {"models": [entry]}


def show(model: str, now: datetime) -> Json:
    """`/api/show`."""
    info = {"general.architecture": "qwen3", "general.parameter_count": 32_762_123_264, "qwen3.context_length": 40960}
    return {
        "modelfile": f"FROM {model}\n",
        "parameters": "temperature 0.6\ntop_k 20\ntop_p 0.95",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": info,
        "capabilities": ["completion", "tools", "thinking"],
        "modified_at": (now - timedelta(days=30)).isoformat(),
    }


def openai_models(models: list[str]) -> Json:
    """`/v1/models`."""
    data = [{"id": name, "object": "model", "created": 1_770_000_000, "owned_by": "library"} for name in models]
    return {"object": "list", "data": data}
