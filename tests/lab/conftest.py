"""Nothing in here touches this user's own lab or configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.lab import plan
from opskit.lab.stack import Stack
from tests.lab.running_lab import lab_in, mend


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where labs are remembered, for as long as these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.delenv("OPSKIT_CONFIG", raising=False)
        yield home


@pytest.fixture(scope="session", autouse=True)
def quick_words() -> Iterator[None]:
    """A model that speaks five times as fast: these tests ask hundreds of questions."""
    usual = plan._configs

    def quick(meant: plan.Plan) -> dict[str, plan.Change]:
        configs = usual(meant)
        delay = meant.changed("ollama").get("token_delay_seconds", 0.002)
        return {**configs, "ollama": {**configs["ollama"], "token_delay_seconds": delay}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_configs", quick)
        yield


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One lab for a whole file, which commands find too."""
    with lab_in(tmp_path_factory.mktemp("lab"), remembered=True) as stack:
        yield stack


@pytest.fixture
def lab(shared_lab: Stack) -> Iterator[Stack]:
    """The lab of the file, well again after each test."""
    yield shared_lab
    mend(shared_lab)
