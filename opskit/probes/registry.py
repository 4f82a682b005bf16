"""All probes by name. A member is imported when it is first asked for: checking a log need not load the GPU library."""

from __future__ import annotations

import importlib
from typing import Any

from opskit.probes.base import Probe

PROBES = {
    "canary": "opskit.probes.canary:CanaryProbe",
    "certificate": "opskit.probes.certificate:CertificateProbe",
    "gateway_log": "opskit.probes.gateway_log:GatewayLogProbe",
    "gateway_http": "opskit.probes.http:GatewayHttpProbe",
    "gpu": "opskit.probes.gpu:GpuProbe",
    "gpu_faults": "opskit.probes.gpu_faults:GpuFaultsProbe",
    "gpu_memory": "opskit.probes.gpu_memory:GpuMemoryProbe",
    "gpu_unused": "opskit.probes.gpu_unused:GpuUnusedProbe",
    "host": "opskit.probes.host:HostProbe",
    "http": "opskit.probes.http:HttpProbe",
    "kernel_log": "opskit.probes.kernel_log:KernelLogProbe",
    "latency": "opskit.probes.latency:LatencyProbe",
    "nginx_access": "opskit.probes.nginx_access:NginxAccessProbe",
    "nginx_config": "opskit.probes.nginx_config:NginxConfigProbe",
    "nginx_error": "opskit.probes.nginx_error:NginxErrorProbe",
    "nginx_http": "opskit.probes.http:NginxHttpProbe",
    "ollama_api": "opskit.probes.ollama_api:OllamaApiProbe",
    "ollama_log": "opskit.probes.ollama_log:OllamaLogProbe",
    "endings": "opskit.probes.endings:EndingsProbe",
    "person": "opskit.probes.person:PersonProbe",
    "plugin": "opskit.probes.plugin:PluginProbe",
    "request": "opskit.probes.request:RequestProbe",
    "users_answered": "opskit.probes.users_answered:UsersAnsweredProbe",
    "way": "opskit.probes.way:WayProbe",
    "runner": "opskit.probes.runner:RunnerProbe",
}


def probe(name: str) -> Probe[Any]:
    """Return the probe.

    Raises KeyError where there is none of that name.
    """
    module, _, member = PROBES[name].partition(":")
    made: Probe[Any] = getattr(importlib.import_module(module), member)()
    return made
