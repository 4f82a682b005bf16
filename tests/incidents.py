"""Writes ten recorded incidents as triage tells of them, in English and Chinese: `make pages`."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

import msgspec

from opskit.app import bundle
from opskit.app.context import Context, reader_for
from opskit.app.run_triage import Known, run_triage
from opskit.app.triage_told import told_of
from opskit.cli.triage import STANDARD
from opskit.lab.faults import faults
from opskit.model.reader import Reader
from opskit.model.settings import Settings
from opskit.report.triage_text import triage_text

SAMPLES = Path("sample_logs")
_WIDTH = 100
# One or two of every layer, and one in which nothing is wrong; what they are is told by triage, not by a heading.
CHOSEN = (
    "ollama-out-of-gpu-memory",
    "nginx-timeout-too-short",
    "gateway-killed",
    "gpu-off-the-bus",
    "ollama-runner-frozen-patient",
    "clawdbot-timeout-too-short",
    "control-scanner",
    "gateway-key-rotated",
    "ollama-on-the-cpu",
    "ollama-killed-for-memory",
)
_TITLE = {"en": "# Ten incidents", "zh": "# 十次故障"}
_INTRO = {
    "en": (
        "Ten incidents of a [practice stack](lab.md), recorded as bundles in `sample_logs/`, and what `opskit triage` "
        "says of each. It knew nothing but the evidence, not even what users saw. What was really done to the stack "
        "stands in `truth.yaml` of each bundle. `opskit triage --from sample_logs/NAME` prints the same. "
        "[中文](incidents.zh-CN.md)"
    ),
    "zh": (
        "以下十次故障来自[演练环境](lab.md)，以证据包形式保存在 `sample_logs/` 中；每次都附上 `opskit triage` 的输出。"
        "诊断时它只有证据，连用户看到了什么也不知道。对环境实际做了什么，见各证据包中的 `truth.yaml`。"
        "运行 `opskit triage --from sample_logs/名称 --lang zh` 可得到同样的输出。[English](incidents.md)"
    ),
}
_USERS = {"en": "Users say: {seen}.", "zh": "用户反映：{seen}。"}
NAMES = {"en": "incidents.md", "zh": "incidents.zh-CN.md"}


def page(lang: str) -> str:
    """The page in one language."""
    reader = msgspec.structs.replace(reader_for(lang), zone=UTC)
    lines = [_TITLE[lang], "", _INTRO[lang]]
    for number, name in enumerate(CHOSEN, 1):
        lines += ["", f"## {number}", "", _USERS[lang].format(seen=reader.read(faults()[name].seen)), ""]
        lines += ["```console", _command(lang, name), _told(name, reader), "```"]
    return "\n".join(lines) + "\n"


def _command(lang: str, name: str) -> str:
    return f"$ opskit triage --from sample_logs/{name}" + (f" --lang {lang}" if lang != "en" else "")


def _told(name: str, reader: Reader) -> str:
    path = SAMPLES / name
    source = bundle.read(path)
    done = run_triage(Context(Settings(), reader), STANDARD, source, Known())
    return triage_text(told_of(done, str(path), source), reader, _WIDTH)


def main(folder: Path) -> None:
    """Write both pages."""
    for lang, name in NAMES.items():
        (folder / name).write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
