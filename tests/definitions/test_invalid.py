"""Every mistake that a person can make in a definition is named with its line and what was expected instead.

`invalid/` and `invalid_playbooks/` hold one file for each mistake, and the `.expected` file beside them the lines that
`opskit lint` is to print. A new file without a line fails here, and so does a line without a file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.definitions import check_file, checks, playbooks
from opskit.model.problem import DefinitionError

HERE = Path(__file__).parent
KINDS = {"invalid": check_file, "invalid_playbooks": playbooks}
LOADERS = {"invalid": checks, "invalid_playbooks": playbooks}


def expected(folder: str) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for line in (HERE / f"{folder}.expected").read_text("utf-8").splitlines():
        lines.setdefault(line.partition(".yaml:")[0], []).append(line)
    return lines


FILES = [(folder, path.stem) for folder in KINDS for path in sorted((HERE / folder).glob("*.yaml"))]


@pytest.mark.parametrize(("folder", "mistake"), FILES)
def test_a_mistake_is_named_with_its_line_and_what_was_expected(folder, mistake):
    data = (HERE / folder / f"{mistake}.yaml").read_bytes()
    with pytest.raises(DefinitionError) as refused:
        KINDS[folder].parse(data, f"{mistake}.yaml", mistake)
    assert str(refused.value).splitlines() == expected(folder)[mistake]


@pytest.mark.parametrize("folder", KINDS)
def test_every_expected_line_has_its_file(folder):
    assert set(expected(folder)) == {mistake for kind, mistake in FILES if kind == folder}


@pytest.mark.parametrize("folder", KINDS)
def test_all_mistakes_of_a_folder_are_told_in_one_run_and_the_good_files_stay_in_force(folder):
    loaded = LOADERS[folder].load(HERE / folder)
    told = [problem.render().removeprefix(f"{HERE / folder}/") for problem in loaded.problems]
    listed = {line for lines in expected(folder).values() for line in lines}
    assert set(told) == listed
    assert len(told) == len(listed)
    assert loaded.good == LOADERS[folder].load().good
    assert set(loaded.broken) == set(expected(folder))
