r"""Outcomes of checks as Nagios takes them from outside: one external command a line.

    [EPOCH] PROCESS_SERVICE_CHECK_RESULT;HOST;SERVICE;STATE;OUTPUT

A line end of the output is written `\n` and a backslash `\\` (nagioscore base/commands.c,
unescape_check_result_output). The output is the rest of the line and may hold a `;`; host and service may not. A line
fits into PIPE_BUF, because only then it arrives in one piece beside those of other writers.
"""

from __future__ import annotations

from opskit.model.reader import Reader
from opskit.report.check_nagios import check_nagios
from opskit.report.check_text import Shown

_LONGEST = 4096 - 1  # PIPE_BUF without the line end
_LEAST = 800  # room that a headline with its remarks has in any case


def passive_command(shown: Shown, reader: Reader, host: str, service: str) -> str:
    """Return the command for one outcome, without its line end. Details are cut to fit, then perfdata, as whole items.

    `host` and `service` are names without `;` and control characters.
    """
    _check, verdict, _state = shown
    head = f"[{int(verdict.at)}] PROCESS_SERVICE_CHECK_RESULT;{host};{service};{verdict.status.exit_code};"
    room = _LONGEST - _size(head)
    command = head + _escaped(check_nagios([shown], reader, room=room))
    # Escaping makes it longer by what the text holds, which is known only then.
    while _size(command) > _LONGEST and room > _LEAST:
        room = max(_LEAST, room - (_size(command) - _LONGEST))
        command = head + _escaped(check_nagios([shown], reader, room=room))
    return command


def parted(output: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a plugin's output as `check_nagios` writes it, and the items of its perfdata."""
    first, end, more = output.partition("\n")
    said, _bar, perfdata = first.partition(" | ")
    return said + end + more, tuple(perfdata.split())


def _escaped(output: str) -> str:
    return output.replace("\\", "\\\\").replace("\n", "\\n")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
