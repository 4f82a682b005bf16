"""Checks that ask several probes: all of them once, one verdict, and what one cannot tell is no other's fault."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from opskit.app.asking import Asking, jobs_of, merged
from opskit.app.lint import lint
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.message import say
from opskit.model.problem import DefinitionError
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings

CHECK = checks.load().good["ollama-health"]
GOOD_API = Reading(
    {"answered": True},
    samples=tuple(
        Sample(name, value) for name, value in (("answered", 1.0), ("model_present", 1.0), ("loaded_vram_pct", 100.0))
    ),
)
GOOD_LOG = Reading(
    {"crash": False},
    samples=tuple(
        Sample(name, 0.0) for name in ("standing_failures", "crashes", "queue_full", "cpu_fallback", "restarts")
    ),
)
BLIND = Reading(unreadable=say("{path} is empty", path="/var/log/ollama.log"))


def state(api: Reading, log: Reading) -> str:
    return evaluate(CHECK, merged([("ollama_api", api), ("ollama_log", log)]), 0.0).status.value


def test_a_check_waits_for_all_its_probes_and_shares_them() -> None:
    other = msgspec.structs.replace(CHECK, id="log-only", probe="ollama_log", also=(), timeout=99.0)
    asking = Asking()
    asking.add(CHECK, jobs_of(CHECK, Settings()))
    asking.add(other, jobs_of(other, Settings()))
    api, log = asking.jobs
    assert (api.timeout, log.timeout) == (CHECK.timeout, 99.0)
    assert [(check.id, reading) for check, reading in asking.told(log.name, GOOD_LOG)] == [("log-only", GOOD_LOG)]
    ((check, reading),) = asking.told(api.name, GOOD_API)
    assert check.id == "ollama-health"
    assert len(reading.samples) == 8
    assert reading.facts == {"ollama_api.answered": True, "ollama_log.crash": False}


def test_what_one_probe_cannot_tell_is_unknown_and_the_other_is_judged() -> None:
    bad = msgspec.structs.replace(GOOD_API, samples=(Sample("answered", 0.0), *GOOD_API.samples[1:]))
    assert (state(GOOD_API, GOOD_LOG), state(GOOD_API, BLIND), state(bad, BLIND)) == ("ok", "unknown", "critical")
    (item, *_) = evaluate(CHECK, merged([("ollama_api", GOOD_API), ("ollama_log", BLIND)]), 0.0).items
    assert str(item.text).startswith("no value for standing_failures, crashes, queue_full, cpu_fallback, restarts")
    assert str(item.text).endswith("/var/log/ollama.log is empty")


def test_where_nothing_could_be_seen_the_first_reason_is_told() -> None:
    assert merged([("ollama_api", BLIND), ("ollama_log", BLIND)]) is BLIND
    assert merged([("ollama_api", GOOD_API)]) is GOOD_API


def test_the_first_probe_takes_the_arguments_and_the_others_their_defaults() -> None:
    given = msgspec.structs.replace(CHECK, args={"model": "other:1b"})
    api, log = jobs_of(given, Settings())
    assert api.args.model == "other:1b"
    assert log.args.source == "unit:ollama"


def test_a_probe_that_does_not_exist_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    text = (
        'summary: {en: A, zh: 甲}\nwhy: {en: B, zh: 乙}\nprobe: gpu\nalso: [gpv]\nrules: [{metric: lost, crit: "0"}]\n'
    )
    (tmp_path / "checks" / "mine.yaml").write_text(text + "every: 5m\ntimeout: 5s\n", "utf-8")
    (problem,) = lint(Settings(), tmp_path)[1]
    assert problem.render().endswith(f"mine.yaml:4: {problem.text}")
    assert "there is no probe 'gpv'" in str(problem.text)
    with pytest.raises(DefinitionError):
        jobs_of(checks.load(tmp_path).good["mine"], Settings())
