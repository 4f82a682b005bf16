"""The bodies that describe models: what is on the disk, what is in memory. Sizes are bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from opskit.lab.ollama.runner import Runner
from opskit.lab.ollama.settings import Model, Settings

_PULLED = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "qwen3",
    "families": ["qwen3"],
    "parameter_size": "32.8B",
    "quantization_level": "Q4_K_M",
}
_BLOBS = "/usr/share/ollama/.ollama/models/blobs/sha256-"


def digest(model: Model) -> str:
    """A stable digest for a model."""
    return hashlib.sha256(model.name.encode()).hexdigest()


def blob(model: Model) -> str:
    """The path of a model's file."""
    return f"{_BLOBS}{digest(model)}"


def tags(settings: Settings) -> dict[str, Any]:
    """`/api/tags`."""
    return {"models": [_on_disk(model, settings) for model in settings.models]}


def running(runners: Iterable[Runner]) -> dict[str, Any]:
    """`/api/ps`; the one that stays longest first."""
    return {"models": [_loaded(runner) for runner in sorted(runners, key=lambda each: each.expires, reverse=True)]}


def show(model: Model, settings: Settings) -> dict[str, Any]:
    """`/api/show`."""
    info = {"general.architecture": "qwen3", "general.parameter_count": 32_762_123_264, "qwen3.context_length": 40960}
    return {
        "modelfile": f"FROM {model.name}\n",
        "parameters": "temperature 0.6\ntop_k 20\ntop_p 0.95",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": info,
        "capabilities": _capabilities(settings),
        "modified_at": _PULLED.isoformat(),
    }


def openai_models(settings: Settings) -> dict[str, Any]:
    """`/v1/models`."""
    created = int(_PULLED.timestamp())
    common = {"object": "model", "created": created, "owned_by": "library"}
    return {"object": "list", "data": [{"id": model.name, **common} for model in settings.models]}


def _capabilities(settings: Settings) -> list[str]:
    return ["completion", "tools", *(["thinking"] if settings.thinking else [])]


def _on_disk(model: Model, settings: Settings) -> dict[str, Any]:
    named = {"name": model.name, "model": model.name, "modified_at": _PULLED.isoformat(), "size": model.size_bytes}
    more = {"capabilities": _capabilities(settings)} if settings.generation != "0.12" else {}
    return {**named, "digest": digest(model), "details": _DETAILS, **more}


def _loaded(runner: Runner) -> dict[str, Any]:
    model = runner.spec.model
    return {
        "name": model.name,
        "model": model.name,
        "size": runner.spec.placement.size,
        "digest": digest(model),
        "details": _DETAILS,
        "expires_at": runner.expires.isoformat(),
        "size_vram": runner.size_vram,
        "context_length": runner.spec.context,
    }
