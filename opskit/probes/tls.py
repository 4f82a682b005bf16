"""How opskit trusts, or for a moment does not: the TLS context of every probe that looks at a server."""

from __future__ import annotations

import ssl

from opskit.model.message import say
from opskit.probes.base import ProbeError


def tls_context(*, verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """Return a client's context; without `verify` it looks at any certificate and believes none.

    Raises ProbeError where the CA file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        text = say("the CA file {path} cannot be used: {why}", path=ca_file or "?", why=str(error))
        raise ProbeError(text) from None
    # From Python 3.13 the default context is stricter than browsers and curl: private CAs without a key identifier
    # would turn red after an upgrade (cpython #107361).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def identify(context: ssl.SSLContext, certificate_file: str, key_file: str | None) -> None:
    """Let the client of this context prove who it is; a `key_file` of None means that the key is in the same file.

    Raises ProbeError where the two cannot be used. An encrypted key is one: nobody is there to ask for its password.
    """
    try:
        context.load_cert_chain(certificate_file, key_file, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        place = certificate_file if key_file is None else f"{certificate_file}, {key_file}"
        text = say("the client certificate {path} cannot be used: {why}", path=place, why=why)
        raise ProbeError(text) from None
