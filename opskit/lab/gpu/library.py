"""Compiles the stand-in library."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

NAME = "libnvidia-ml.so.1"
SOURCE = Path(__file__).with_name("nvml.c")
_RECIPE = "built-from"  # beside the library: of what it was made


class CompileError(Exception):
    """The library cannot be built here; the text says why and what to install."""


def build(directory: Path, without: Iterable[str] = ()) -> Path:
    """Compile the library into `directory` unless it is there; `without` leaves symbols out, as an old driver does.

    Where another one stands there, it is replaced in one step: processes that have it mapped keep the old one. Raises
    CompileError.
    """
    library, hidden = directory / NAME, sorted(set(without))
    recipe = _recipe(hidden)
    if library.exists() and _read(directory / _RECIPE) == recipe:
        return library
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        symbols, fresh = Path(scratch, "symbols.map"), Path(scratch, NAME)
        local = "local: " + " ".join(f"{symbol};" for symbol in hidden) if hidden else ""
        symbols.write_text(f"{{ global: nvml*; {local} }};\n", "utf-8")
        _compile(fresh, f"-Wl,--version-script={symbols}")
        fresh.replace(library)
    (directory / _RECIPE).write_text(recipe, "utf-8")
    return library


def _compile(fresh: Path, *more: str) -> None:
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None:
        raise CompileError("the stand-in GPU library needs a C compiler: apt-get install gcc libc6-dev")
    flags = ["-std=gnu11", "-shared", "-fPIC", "-O1", "-pthread", f"-Wl,-soname,{NAME}", *more]
    done = subprocess.run(
        [compiler, *flags, "-o", str(fresh), str(SOURCE), "-ldl"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CompileError(f"{compiler} could not build the stand-in GPU library: {done.stderr.strip()[-400:]}")


def _recipe(hidden: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for source in (SOURCE, *sorted(SOURCE.parent.glob("*.h"))):
        digest.update(source.read_bytes())
    return "\n".join([digest.hexdigest(), *hidden]) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
