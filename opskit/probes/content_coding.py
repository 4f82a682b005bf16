"""What an answer says where its server compressed it although it was asked not to (`Accept-Encoding: identity`)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

_CODINGS = {"gzip", "x-gzip", "deflate"}
_EITHER = 32 + zlib.MAX_WBITS  # the header of zlib or that of gzip, whichever is there


def plain(body: bytes, headers: Mapping[str, str], cap: int) -> bytes:
    """Return the body without its coding, at most `cap` bytes of it; as it came where the coding is not one of ours."""
    if headers.get("content-encoding", "").strip().lower() not in _CODINGS:
        return body
    for form in (_EITHER, -zlib.MAX_WBITS):  # some servers take "deflate" for the bare stream
        try:
            return zlib.decompressobj(form).decompress(body, cap)
        except zlib.error:
            continue
    return body
