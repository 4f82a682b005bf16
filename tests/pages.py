"""Writes the pages of the shipped causes anew, and takes away those of causes that are gone: `make pages`."""

from __future__ import annotations

import sys
from pathlib import Path

from opskit.app.explain_cause import told_causes
from opskit.report.cause_page import cause_page


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    return {f"{told.cause.code}.md": cause_page(told) for told in told_causes(None)}


def main(folder: Path) -> None:
    """Leave exactly these pages in the folder."""
    wanted = pages()
    for path in folder.glob("OPS*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
