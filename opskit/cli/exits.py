"""The one place where errors become exit codes: whatever goes wrong with opskit itself is 3, UNKNOWN, on one line.

click alone would exit with 2 (CRITICAL) on a typing mistake and 1 (WARNING) on a crash, and a monitoring system would
believe it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from opskit.model.message import Message
from opskit.model.printable import printable
from opskit.model.problem import DefinitionError

UNKNOWN = 3
_INTERRUPTED = 130
_VALUED = {"--config", "--definitions", "--lang"}
_PLUGINS = {"check", "status", "triage"}  # read by machines from stdout: their one line goes there


def guarded(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        from opskit.cli.commands import cli

        code = cli.main(list(arguments), prog_name="opskit", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx and error.ctx.parent else ""
        return _report(arguments, [error.format_message() + hint])
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("opskit: interrupted\n")
        return _INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click makes the second of the first, with a code that is a WARNING
        return UNKNOWN if _command(arguments) in _PLUGINS else 0
    except DefinitionError as error:
        return _report(arguments, [problem.render() for problem in error.problems])
    except Exception as error:  # noqa: BLE001  # the last boundary: a crash is UNKNOWN and one line
        return _report(arguments, [_explained(error)])
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> str:
    """Rooms put their sentence into `message` or `reason`; anything else is a defect of opskit."""
    for name in ("message", "reason"):
        said = getattr(error, name, None)
        if isinstance(said, Message):
            return said.render()
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}".lstrip(": ")
    return f"internal error: {type(error).__name__}: {error}"


def _command(arguments: Sequence[str]) -> str:
    """The first word that is neither an option nor the value of one of those that stand before the command."""
    words = iter(arguments)
    for word in words:
        if word in _VALUED:
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def _report(arguments: Sequence[str], lines: Sequence[str]) -> int:
    plugin = _command(arguments) in _PLUGINS
    write: Callable[[str], object] = sys.stdout.write if plugin else sys.stderr.write
    for line in lines:
        clean = printable(line, 2000)
        try:
            write(f"UNKNOWN - {clean.replace('|', '!')}\n" if plugin else f"opskit: {clean}\n")
        except OSError:  # stdout itself is what is broken
            sys.stderr.write(f"opskit: {clean}\n")
    return UNKNOWN
