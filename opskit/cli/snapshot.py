"""`opskit snapshot`."""

from __future__ import annotations

from pathlib import Path

from opskit.app.snapshot import snapshot as take
from opskit.cli.options import Options
from opskit.cli.output import context_of, out
from opskit.model.message import Message, say


def snapshot(options: Options, path: Path, *, pseudonyms: bool, timeout: float) -> int:
    """Write the bundle and say what is in it."""
    context = context_of(options)
    manifest = take(context, path, pseudonyms=pseudonyms, timeout=timeout)
    text = say(
        "{path}: {files} files, {n} secrets and texts removed",
        path=str(path),
        files=len(manifest.files),
        n=manifest.redactions.replaced,
    )
    out(context.reader.read(text))
    for item in manifest.absent:
        reason = Message(item.template, dict(item.args))
        out("  " + context.reader.read(say("missing {key}: {why}", key=item.key, why=reason)))
    return 0
