"""The schemas for editors: made from the shapes, true of every shipped file, and false of files with a mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from opskit.definitions.plain import plain
from opskit.definitions.reader import compose
from opskit.definitions.search import FACTS, shipped
from tests.report.schema import wrong
from tests.schemas import main, schemas

ROOT = Path(__file__).parents[2]
SCHEMAS = schemas()
CAUSES = sorted(shipped("playbooks").glob("causes/*.yaml"))
BOOKS = [path for path in sorted(shipped("playbooks").glob("*.yaml")) if path.name != FACTS]
CHECKS = sorted(shipped("checks").glob("*.yaml"))
FILES = [
    *(("check-v1.json", path) for path in CHECKS),
    *(("playbook-v1.json", path) for path in BOOKS),
    *(("causes-v1.json", path) for path in CAUSES),
]


def tree(text: str) -> Any:
    return plain(compose(text.encode(), "x.yaml").root)


def test_the_published_schemas_are_those_of_the_shapes(tmp_path: Path) -> None:
    """Otherwise: `make schemas`."""
    main(tmp_path)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    published = {path.name: path.read_text("utf-8") for path in (ROOT / "docs/schemas").iterdir()}
    assert made.keys() == published.keys() - {"notice-v1.json", "triage-v1.json"}
    assert made == {name: published[name] for name in made}


@pytest.mark.parametrize(("name", "path"), FILES, ids=lambda part: getattr(part, "stem", part))
def test_every_shipped_file_is_valid_and_says_which_schema_it_follows(name: str, path: Path) -> None:
    text = path.read_text("utf-8")
    assert wrong(tree(text), SCHEMAS[name]) == []
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert found is not None
    assert (path.parent / found[1]).resolve() == (ROOT / "docs/schemas" / name).resolve()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_that_only_switches_off_is_valid_where_there_is_something_to_switch_off(name: str) -> None:
    assert (wrong({"enabled": False}, SCHEMAS[name]) == []) is (name != "causes-v1.json")
    assert wrong({"enabled": True}, SCHEMAS[name]) != []


WRONG = [
    ("check-v1.json", "latency", "every: 15m", "every: 15", "$.every: "),
    ("check-v1.json", "latency", "for: 4 of 6", "for: often", "$.for: "),
    ("check-v1.json", "latency", "probe: latency", "prob: latency", "$"),
    ("check-v1.json", "latency", "at_least: 50", "at_least: 0", "at_least"),
    ("check-v1.json", "latency", "optional: true", 'optional: "true"', "optional"),
    ("playbook-v1.json", "certificate", "budget: 6s", "budget: soon", "$.budget: "),
    ("playbook-v1.json", "certificate", "stage: 2", "stage: two", "$.steps."),
    ("playbook-v1.json", "certificate", "unknown: {end: unknown}", "unknown: {end: fine}", "$.steps."),
    ("playbook-v1.json", "certificate", "{cause: OPS128}", "{causes: OPS128}", "$.steps."),
    ("playbook-v1.json", "certificate", "  expired:\n", "  Expired:\n", "$.steps."),
    ("playbook-v1.json", "certificate", "    when: certificate.reload_due\n", "", "$.steps.reload_due: "),
    ("playbook-v1.json", "certificate", "causes/nginx.yaml", "../nginx.yaml", "$.include"),
    ("causes-v1.json", "causes/gpu", "  OPS501:", "  OPS5:", "$.causes.OPS5"),
    ("causes-v1.json", "causes/gpu", "risk: read-only", "risk: none", "$.causes.OPS501.remedy"),
    ("causes-v1.json", "causes/gpu", "    layer: gpu\n", "", "$.causes.OPS501: "),
    ("causes-v1.json", "causes/gpu", "[nvidia-smi, -pl", "[nvidia-smi, 5, -pl", "$.causes.OPS501.remedy"),
]


@pytest.mark.parametrize(("name", "stem", "old", "new", "told"), WRONG)
def test_a_file_with_a_mistake_is_not_valid(name: str, stem: str, old: str, new: str, told: str) -> None:
    folder = shipped("checks" if name.startswith("check") else "playbooks")
    text = (folder / f"{stem}.yaml").read_text("utf-8")
    assert old in text
    found = wrong(tree(text.replace(old, new, 1)), SCHEMAS[name])
    assert found != []
    assert any(told in line for line in found), found


def test_a_schema_names_its_draft_and_every_reference_has_its_place() -> None:
    for schema in SCHEMAS.values():
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        references = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
        assert references == set(schema["$defs"])
