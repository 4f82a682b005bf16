"""The command line. Command bodies import what they use, so that `opskit --help` and each command start fast."""

from __future__ import annotations

import gc
import os
import sys

# Nearly all that commands load and build lives to their end: looking for garbage as often as usual costs a tenth.
gc.set_threshold(100_000, 50, 100)

from opskit.cli.ahead import begin  # noqa: E402  # the modules are most of it


def _open_what_is_closed() -> None:
    """Whoever was started without a standard stream gets an empty one: else the next file or socket takes its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # to the end


def main() -> None:
    """Run the program and end with its exit code; nothing else in opskit calls sys.exit."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        # Agents start with LANG=C: a report must not die of a character that their encoding lacks.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper
    begin(sys.argv[1:])
    from opskit.cli.exits import UNKNOWN, guarded

    code = guarded(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`): nothing to report, but Python would try to flush once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk behind `> file`: what was printed is not all there
        sys.stderr.write(f"opskit: {error.strerror}\n")
        code = UNKNOWN
    # Probes that hang in the kernel live in daemon threads; the interpreter must not wait for them.
    sys.stderr.flush()
    os._exit(code)
