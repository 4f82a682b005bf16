"""The processes in which Ollama runs its models, by their command lines: port, and the context of each place.

`llama-server --model BLOB --port N --ctx-size TOTAL --parallel PLACES` since 0.30 (llm/llama_server.go), `ollama runner
--model BLOB --port N` before. Command lines may be read by every user, unless /proc is mounted with hidepid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import psutil

from opskit.probes.address import address_of, port_of, stays_here
from opskit.probes.listeners import is_of_this_host

_PORT, _MODEL, _CONTEXT, _PLACES = "--port", "--model", "--ctx-size", "--parallel"
_NAMES = ("llama-server", "ollama", "runner")


class RunnerProcess(NamedTuple):
    """A runner; `context` in tokens for each place, None where the command line does not say."""

    process: psutil.Process
    port: int
    context: int | None


def runners(ollama: str) -> tuple[list[RunnerProcess], bool]:
    """Return the runners of the server at a URL, and whether the server's process was seen.

    Where it was not, those of all Ollama servers of this host are returned; of a server on another host none.
    """
    if ollama and not stays_here(ollama) and not is_of_this_host(address_of(ollama).host):
        return [], False
    family = _family_of(port_of(ollama))
    if family is not None:
        return [runner for process in family if (runner := _runner(process)) is not None], True
    found = (_runner(process) for process in psutil.process_iter())
    return [runner for runner in found if runner is not None and _is_of_ollama(runner.process)], False


def _family_of(port: int | None) -> list[psutil.Process] | None:
    """The children of whoever listens at the port; None where nobody is seen to."""
    try:
        listeners = {
            item.pid
            for item in psutil.net_connections("tcp")
            if item.status == psutil.CONN_LISTEN and item.laddr and item.laddr[1] == port and item.pid
        }
        families = [psutil.Process(pid).children(recursive=True) for pid in listeners]
    except (psutil.Error, OSError):
        return None
    return [process for family in families for process in family] if families else None


def _is_of_ollama(process: psutil.Process) -> bool:
    """Whether it is no llama-server of somebody else: by the folder of models, or by who started it."""
    try:
        words = process.cmdline()
        model = words[words.index(_MODEL) + 1 :][:1] if _MODEL in words else []
        parent = process.parent()
        return any("sha256-" in word for word in model) or (parent is not None and "ollama" in parent.name())
    except psutil.Error:
        return False


def _runner(process: psutil.Process) -> RunnerProcess | None:
    try:
        words = process.cmdline()
    except psutil.Error:
        return None
    if _PORT not in words or _MODEL not in words or not any(name in " ".join(words[:4]) for name in _NAMES):
        return None
    port = _number(words, _PORT)
    context, places = _number(words, _CONTEXT), _number(words, _PLACES)
    if port is None or port > 65535:
        return None
    return RunnerProcess(process, port, context // places if context and places else context)


def _number(words: Sequence[str], name: str) -> int | None:
    """The number behind a flag."""
    given = words[words.index(name) + 1 :][:1] if name in words else []
    return int(given[0]) if given and given[0].isdigit() and 0 < len(given[0]) < 10 and int(given[0]) else None
