"""A notice as a mail: what the e-mail channel hands to the server."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.utils import format_datetime

from opskit.model.printable import printable
from opskit.model.regex import regex
from opskit.notify.channel import Notice
from opskit.notify.folding import WholeWords
from opskit.notify.mailbox import Mailbox

_NOT_IN_A_DOMAIN = regex(r"[^A-Za-z0-9.-]+")


def mail(notice: Notice, sender: Mailbox, to: tuple[Mailbox, ...]) -> EmailMessage:
    """Return the mail about `notice`. Its Message-ID depends on the notice alone, so a repeated mail is the same one.

    No text of the notice can add a header: control characters are spelled out before they get here.
    """
    content = notice.content
    domain = _NOT_IN_A_DOMAIN.sub("-", content.host).strip("-.") or "localhost"
    message = EmailMessage(policy=WholeWords())
    message["From"] = str(sender)
    message["To"] = ", ".join(str(one) for one in to)
    message["Subject"] = _one_line(content.subject)
    message["Date"] = format_datetime(notice.written)
    message["Message-ID"] = f"<opskit.{notice.seed}@{domain}>"
    # The root of the thread is a mail that never was: so the incident stays together whichever mail came first.
    root = f"<opskit.incident.{notice.thread}@{domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["List-Id"] = f"opskit <alerts.{domain}>"
    # RFC 3834: keeps vacation responders from answering.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Opskit-Kind"] = _ascii(notice.kind)
    if content.check:
        message["X-Opskit-Check"] = _ascii(content.check)
    message["X-Opskit-Status"] = content.status.value
    # Either way the body is ASCII on the wire, so no server on the way needs 8BITMIME.
    message.set_content(content.text, cte="quoted-printable" if content.text.isascii() else "base64")
    if content.page:
        # The last of the alternatives is the one that is preferred; the pictures belong to it alone.
        message.add_alternative(content.page, subtype="html", cte="base64")
        page = list(message.iter_parts())[-1]
        for name, picture in content.pictures.items():
            data = base64.b64decode(picture)
            page.add_related(data, "image", "png", cid=f"<{name}>", disposition="inline", filename=f"{name}.png")
    return message


def _one_line(text: str) -> str:
    return printable(text).strip()


def _ascii(text: str) -> str:
    return printable(text).encode("ascii", "backslashreplace").decode("ascii")
