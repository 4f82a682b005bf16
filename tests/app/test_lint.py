"""What is wrong in a definition only beside the probes and the other definitions is named with its line too.

`wrong/` holds one file for each kind of mistake, and `wrong.expected` all lines that `opskit lint` is to print of them.
"""

from __future__ import annotations

from pathlib import Path

from opskit.app.lint import lint
from opskit.definitions import checks, playbooks
from opskit.model.settings import Settings
from opskit.probes.registry import PROBES, probe

HERE = Path(__file__).parent
WRONG = HERE / "wrong"
GPU = type(probe("gpu"))
KNOWN = {
    "probes": PROBES,
    "metrics of gpu": GPU.metrics,
    "arguments of gpu": GPU.arguments.__struct_fields__,
    "playbooks": playbooks.load(WRONG).good,
}


def told(folder: Path) -> list[str]:
    _files, problems = lint(Settings(), folder)
    advice = {False: "", True: " (advice)"}
    return [problem.render().removeprefix(f"{folder}/") + advice[problem.advice] for problem in problems]


def test_every_mistake_is_named_with_its_line_and_what_was_expected():
    expected = (HERE / "wrong.expected").read_text("utf-8")
    for name, known in KNOWN.items():
        expected = expected.replace(f"<{name}>", ", ".join(sorted(known)))
    assert told(WRONG) == expected.splitlines()


def test_every_file_of_the_folder_can_be_read_and_has_its_lines():
    files = {f"{path.parent.name}/{path.name}" for path in WRONG.rglob("*.yaml")}
    assert {line.partition(":")[0] for line in told(WRONG)} == files
    assert not checks.load(WRONG).broken
    assert not playbooks.load(WRONG).broken
