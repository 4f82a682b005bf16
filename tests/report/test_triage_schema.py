"""What `opskit triage --json` prints is what docs/schemas/triage-v1.json publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opskit.history.codec import packed, unpacked
from opskit.report.told import Told, slim
from opskit.report.triage_json import triage_json
from opskit.report.triage_md import triage_md
from opskit.report.triage_text import triage_text
from tests.report.builders import CHINESE, ENGLISH, make_told, make_treatment
from tests.report.schema import wrong

ALL = [
    make_told(),
    make_told("healthy"),
    make_told("unknown"),
    make_told(origin="bundle.tar.gz", text="\x1b[2J\ud800"),
    *(make_told(treatment=make_treatment(holds)) for holds in ("yes", "no", "unknown")),
]


@pytest.mark.parametrize("told", ALL)
@pytest.mark.parametrize("reader", [ENGLISH, CHINESE])
def test_every_object_is_as_published(told, reader):
    assert wrong(triage_json(told, reader)) == []


def test_the_example_files_of_the_checker_are_refused():
    good = triage_json(make_told(treatment=make_treatment()), ENGLISH)
    assert wrong({**good, "verdict": "fine"}) == ["$.verdict: 'fine' against ['fault', 'healthy', 'unknown']"]
    assert wrong({**good, "new": 1}) == ["$.new: not in the schema"]
    assert wrong({**good, "exit_code": True}) == ["$.exit_code: True against [0, 2, 3]"]
    assert wrong({**good, "steps": [{**good["steps"][0], "stage": 0}]}) == ["$.steps[0].stage: 0 against 1"]
    assert wrong({**good, "at": "yesterday"})[0].startswith("$.at: 'yesterday' against ")
    assert wrong({**good, "cause": {**good["cause"], "code": 7}}) == ["$.cause.code: 7 is no ['string']"]
    assert wrong({**good, "treatment": {"remedies": []}})[0].startswith("$.treatment: ")
    assert wrong({name: value for name, value in good.items() if name != "unknown"})[0].startswith("$: ")


@pytest.mark.parametrize("told", ALL)
def test_what_is_kept_is_told_again_in_every_form_and_language(told):
    again = unpacked(packed(slim(told)), Told)
    for reader in (ENGLISH, CHINESE):
        assert triage_json(again, reader) == triage_json(told, reader)
        assert triage_text(again, reader) == triage_text(told, reader)
        assert triage_md(again, reader) == triage_md(told, reader)


@pytest.mark.parametrize(
    ("holds", "before", "code", "said"),
    [
        ("yes", "no", 0, "It helped: web.refused is no"),
        ("yes", "yes", 0, "It holds, as it did before anything was run, which proves no remedy: web.refused is no"),
        ("yes", "unknown", 0, "It holds now, what was before is not known: web.refused is no"),
        ("no", "no", 2, "Not yet, after 30 s: web.refused is yes; it helped when this holds: not web.refused"),
        ("unknown", "no", 3, "Cannot tell whether it helped: web.refused is unknown (no result within 2 s)"),
    ],
)
def test_whether_it_helped_is_said_and_is_the_exit_code(holds, before, code, said):
    told = make_told(treatment=make_treatment(holds, before=before))
    assert told.exit_code == code
    assert said in triage_text(told, ENGLISH, 0)
    assert said in triage_md(told, ENGLISH).replace("\\_", "_")
    assert ("to take it back: systemctl stop web" in triage_text(told, ENGLISH, 0)) is (holds != "yes")


def test_the_schema_is_of_the_draft_it_names():
    schema = json.loads((Path(__file__).parents[2] / "docs/schemas/triage-v1.json").read_text("utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["schema"]["const"] == schema["title"] == triage_json(make_told(), ENGLISH)["schema"]
