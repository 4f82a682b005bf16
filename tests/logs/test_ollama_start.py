"""Starts of Ollama's server: of a file and of a journal, and text that only looks like one."""

from __future__ import annotations

import json

import pytest

from opskit.lab.ollama.journal import slog
from opskit.lab.ollama.settings import Generation
from opskit.logs.ollama_start import starts
from tests.probes import ollama_texts as texts
from tests.probes.asking import SHANGHAI
from tests.probes.lines import moment


@pytest.mark.parametrize("generation", ["0.30", "0.12"])
def test_a_start_is_seen_with_its_time(generation: Generation) -> None:
    log = "\n".join([texts.server_start(moment(300), 11434, generation), texts.server_start(moment(60), 11434)])
    assert list(starts(log.encode(), SHANGHAI)) == [moment(300).timestamp(), moment(60).timestamp()]


def test_a_journal_is_read_too() -> None:
    line = texts.server_start(moment(60), 11434).splitlines()[1]
    entry = {"__REALTIME_TIMESTAMP": str(int(moment(60).timestamp() * 1e6)), "MESSAGE": line, "_PID": "1"}
    assert list(starts(json.dumps(entry).encode(), SHANGHAI)) == [moment(60).timestamp()]


def test_other_lines_that_say_so_are_no_start() -> None:
    quoted = slog(
        moment(60), "DEBUG", "routes.go:1", "chat request", prompt='msg="Listening on 127.0.0.1:1 (version 1)"'
    )
    runner = "srv  main: Listening on 127.0.0.1:40123 (version b10488)"
    assert list(starts(f"{quoted}\n{runner}\nmsg=Listening on x".encode(), SHANGHAI)) == []
