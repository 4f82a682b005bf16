"""The webhook channel: a notice is posted as JSON, signed, and counts as delivered once the answer is a 2xx.

The signature is `sha256=` and the HMAC-SHA256 of time stamp, a full stop and body, in hex, under the key that both
sides know; the time stamp has a header of its own, so that an old request cannot be sent again. The name of the notice
is in `Idempotency-Key`: it is the same at every attempt.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.model.settings import WebhookSettings
from opskit.notify.channel import ChannelError, Notice
from opskit.notify.secret import secret
from opskit.probes.answer import failed, without_secrets
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.exchange import Target, exchange, payload_bytes

SIGNATURE, STAMP, NAME = "X-Opskit-Signature", "X-Opskit-Timestamp", "Idempotency-Key"
SCHEMA = "opskit.notice/v1"
_LONGEST = 200  # of an answer that is quoted
_NOT_NOW = frozenset({401, 403, 404, 407, 408, 425, 429})  # of the way there, or of this moment


class WebhookChannel:
    """Posts to one address. `environ` is where a `$NAME` key is looked up."""

    def __init__(self, settings: WebhookSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ

    def send(self, notice: Notice) -> None:
        """Return once the receiver has answered 2xx, all of it within `timeout` seconds.

        Raises ChannelError: a 4xx that speaks of this notice is permanent, everything else is tried again. Redirects
        are not followed: what is signed is for the address that was configured.
        """
        payload = payload_of(notice)
        stamp = str(int(notice.at or notice.written.timestamp()))
        headers = {STAMP: stamp, NAME: notice.seed}
        if self._settings.secret_file is not None:
            key = secret(self._settings.secret_file, self._environ)
            headers[SIGNATURE] = signature(key, stamp, payload_bytes(payload))
        target = Target(self._settings.url, payload, headers, ca_file=self._settings.ca_file)
        try:
            asked = without_secrets(exchange(target, Deadline(self._settings.timeout)))
        except ProbeError as error:
            raise ChannelError(error.reason, permanent=False) from None
        if asked.failure is not None:
            raise ChannelError(say("the webhook got no notice: {why}", why=failed(asked)), permanent=False)
        status = asked.status or 0
        if not 200 <= status < 300:
            said = redact(asked.body[:_LONGEST])
            raise ChannelError(
                say("the webhook answers {code}: {text}", code=status, text=said),
                permanent=400 <= status < 500 and status not in _NOT_NOW,
            )


def payload_of(notice: Notice) -> dict[str, object]:
    """Return what is posted: the facts, with the words that a person reads."""
    content = notice.content
    return {"schema": SCHEMA, "notice": notice.seed, **content.facts, "subject": content.subject, "text": content.text}


def signature(key: str, stamp: str, body: bytes) -> str:
    """Return the value of the signature's header."""
    return "sha256=" + hmac.new(key.encode("utf-8"), stamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()
