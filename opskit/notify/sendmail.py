"""A mail through the `sendmail` of this host (Postfix, Exim, msmtp and others have one): queueing it is then theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.notify.channel import ChannelError

# sysexits.h: the data, the user or the host are wrong for good. Everything else may pass, or be repaired.
_FOR_GOOD = frozenset({65, 67, 68})
_LONGEST = 300


def pipe(program: str, sender: str, to: Sequence[str], content: bytes, timeout: float) -> None:
    """Hand the mail over; return once the program has taken responsibility for it. Raises ChannelError.

    The addresses are words of their own behind `--`: none of them can be an option, and there is no shell.
    """
    # -i: a line with a single full stop is not the end of the mail.
    command = [program, "-i", "-f", sender, "--", *to]
    # Programs of this kind want the line ends of the host.
    text = content.replace(b"\r\n", b"\n")
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise ChannelError(say("{program} did not end in time", program=program), permanent=False) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise ChannelError(say("{program} cannot be run: {why}", program=program, why=why), permanent=False) from None
    if done.returncode != 0:
        said = redact(done.stderr.decode("utf-8", "replace").strip())[:_LONGEST]
        raise ChannelError(
            say("{program} ended with {code}: {text}", program=program, code=done.returncode, text=said),
            permanent=done.returncode in _FOR_GOOD,
        )
