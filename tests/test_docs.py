"""The pages say what the program does: causes, checks, commands, keys and transcripts are held against it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from opskit.cli.commands import cli
from opskit.definitions import check_file, playbooks, settings
from opskit.definitions.check_file import CheckShape, RuleShape
from opskit.model.check import Check
from opskit.model.playbook import Cause
from opskit.model.settings import EmailSettings, Settings
from opskit.probes.base import fact_kinds
from opskit.probes.registry import PROBES, probe
from tests.incidents import NAMES
from tests.incidents import page as incidents
from tests.pages import main as write_pages
from tests.pages import pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PLAYBOOKS = playbooks.load().good
CAUSES = list({code: cause for book in PLAYBOOKS.values() for code, cause in book.causes.items()}.values())
CHECKS = [
    check_file.parse(path.read_bytes(), path.name, path.stem) for path in sorted((ROOT / "checks").glob("*.yaml"))
]
READMES = ("README.md", "README.zh-CN.md")


def page(*parts: str) -> str:
    return DOCS.joinpath(*parts).read_text(encoding="utf-8")


def names(folder: str) -> set[str]:
    return {path.stem for path in (DOCS / folder).glob("*.md")}


def test_every_cause_has_its_page_and_no_page_is_left_over() -> None:
    assert names("causes") == {cause.code for cause in CAUSES}


def test_what_a_cause_follows_from_is_a_cause_and_no_circle() -> None:
    by_code = {cause.code: cause for cause in CAUSES}
    for cause in CAUSES:
        assert {*cause.follows} <= {*by_code} - {cause.code}
        assert not [code for code in cause.follows if cause.code in by_code[code].follows]


def test_the_pages_of_causes_are_made_from_their_definitions() -> None:
    """Otherwise: `make pages`."""
    made = pages()
    assert {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "causes").iterdir()} == made


@pytest.mark.parametrize("lang", NAMES)
def test_the_ten_incidents_are_told_as_triage_tells_them(lang: str) -> None:
    """Otherwise: `make pages`."""
    assert page(NAMES[lang]) == incidents(lang)


def test_whoever_makes_the_pages_leaves_exactly_them(tmp_path: Path) -> None:
    for name in ("OPS999.md", "notes.md"):
        (tmp_path / name).write_text("stale", encoding="utf-8")
    write_pages(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names_of_pages(), "notes.md"}


def names_of_pages() -> set[str]:
    return {f"{cause.code}.md" for cause in CAUSES}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_the_page_of_a_cause_says_what_the_playbook_says(cause: Cause) -> None:
    text = page("causes", f"{cause.code}.md")
    assert text.startswith(f"# {cause.code}: {cause.summary.en}\n")
    wanted = [cause.summary.pick("zh"), cause.verify, cause.certain_if or "always probable", *cause.proof]
    for remedy in cause.remedy:
        wanted += [remedy.text.en, remedy.text.pick("zh"), shlex.join(remedy.run), shlex.join(remedy.undo)]
        wanted += [remedy.undo_text.en, remedy.undo_text.pick("zh")] if remedy.undo_text else []
    assert [words for words in wanted if words not in text] == []


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_a_page_names_only_facts_that_exist(cause: Cause) -> None:
    uses = {name: use.probe for book in PLAYBOOKS.values() for name, use in book.probes.items()}
    known = {f"{name}.{fact}" for name, used in uses.items() for fact in fact_kinds(probe(used))}
    named = re.findall(r"`(\w+)\.(\w+)`", page("causes", f"{cause.code}.md"))
    assert [fact for use, name in named if use in uses and (fact := f"{use}.{name}") not in known] == []


def test_every_check_has_its_page_and_no_page_is_left_over() -> None:
    assert names("checks") == {check.id for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_page_of_a_check_tells_its_states_and_how_to_change_it(check: Check) -> None:
    text = page("checks", f"{check.id}.md")
    assert text.startswith(f"# {check.id}: {check.summary.en}\n")
    assert check.states is not None
    assert check.todo is not None
    told = {"OK": check.states.ok, "WARNING": check.states.warning, "CRITICAL": check.states.critical}
    told["UNKNOWN"] = check.states.unknown
    rows = [f"| {state} | {words.en if words else 'does not occur'} |" for state, words in told.items()]
    assert [words for words in [*rows, f"/etc/opskit/checks.d/{check.id}.yaml"] if words not in text] == []
    assert all(words.zh for words in (*told.values(), check.todo) if words)


def commands(group: click.Group, path: str = "opskit") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        yield f"{path} {name}", command


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_explains_itself_and_is_in_the_pages(path: str, command: click.Command) -> None:
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert any(f"{path}" in text.read_text(encoding="utf-8") for text in PAGES)


@pytest.mark.parametrize("name", READMES)
def test_the_transcript_is_what_the_command_prints_now(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.search(r"```console\n\$ opskit (.*triage --from .*) \| head -(\d+)\n(.*?)\n```", text, re.DOTALL)
    assert found is not None
    (tmp_path / "opskit.yaml").touch()
    done = subprocess.run(
        [sys.executable, "-m", "opskit", *shlex.split(found[1])],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8", "OPSKIT_CONFIG": str(tmp_path / "opskit.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    printed = done.stdout.splitlines()[: int(found[2])]
    assert timeless(found[3].splitlines()) == timeless(printed)


def timeless(lines: list[str]) -> list[str]:
    return [re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?", "TIME", line).rstrip() for line in lines]


def test_the_readmes_have_the_same_structure_and_stay_short() -> None:
    first, second = ((ROOT / name).read_text(encoding="utf-8").splitlines() for name in READMES)
    assert shape(first) == shape(second)
    assert max(len(first), len(second)) < 200


def shape(lines: list[str]) -> list[str]:
    """The kinds of lines: headings by depth, fences, bullets and rows of tables."""
    return [match[0] for line in lines if (match := re.match(r"#+ |```\w*|\* |\|", line))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def keys(shape_of: msgspec.Struct, prefix: str) -> Iterator[tuple[str, object]]:
    """Every key of the configuration with its default."""
    for field in msgspec.structs.fields(shape_of):
        value = getattr(shape_of, field.name)
        if isinstance(value, msgspec.Struct):
            yield from keys(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def test_every_key_of_the_configuration_is_described_with_its_default() -> None:
    text = page("configuration.md")
    for key, default in keys(Settings(), ""):
        row = re.search(rf"^\| `{re.escape(key)}` \| (.*?) \|", text, re.MULTILINE)
        assert row is not None, key
        assert default is None or f"`{shown(default)}`" in row[1] or f"`[{shown(default)}]`" in row[1], (key, row[1])


def shown(default: object) -> str:
    """A default as the page writes it."""
    if isinstance(default, tuple):
        return ", ".join(default)
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_key_of_a_mail_is_described() -> None:
    text = page("configuration.md").partition("## E-mail")[2]
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    assert [f.name for f in msgspec.structs.fields(EmailSettings) if f"`{f.name}`" not in rows] == []


def blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_the_examples_of_the_configuration_are_valid() -> None:
    for example in blocks(page("configuration.md")):
        assert settings.parse(example.encode(), "configuration.md") != Settings()


def test_the_check_in_ten_lines_is_a_check() -> None:
    (example,) = blocks(page("definitions.md"))
    check = check_file.parse(example.encode(), "host-room.yaml", "host-room")
    assert check is not None
    assert {rule.metric for rule in check.rules} <= type(probe(check.probe)).metrics
    assert len(example.splitlines()) == 10


def test_every_key_of_a_check_is_described() -> None:
    text = page("definitions.md")
    listed = [f.encode_name for kind in (CheckShape, RuleShape) for f in msgspec.structs.fields(kind)]
    assert [name for name in listed if f"`{name}`" not in text] == []


def test_every_probe_is_listed_with_its_metrics() -> None:
    rows = [line.split("|") for line in page("definitions.md").splitlines() if line.startswith("| `")]
    listed = {name: set(re.findall(r"`(\w+)`", row[3])) for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    for name in PROBES:
        metrics = set(type(probe(name)).metrics)
        assert listed[name] in (metrics, {"http"} if metrics == set(type(probe("http")).metrics) else metrics), name
