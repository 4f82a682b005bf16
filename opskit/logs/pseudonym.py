"""Addresses and users under other names: the same one for the same person in every file of one bundle."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from functools import lru_cache

from opskit.model.regex import regex

_TOKEN = regex(rb"(?<![\w:.%-])(?=[0-9A-Fa-f]{0,64}[.:])[0-9A-Fa-f.:]{2,64}+(?![\w-])")
_V4 = regex(rb"([0-9]{1,3}(?:\.[0-9]{1,3}){3})((?::[0-9]*|\.)?)")
_MAPPED = regex(rb"(::[Ff]{4}:)([0-9]{1,3}(?:\.[0-9]{1,3}){3})(.*)")
_USER = regex(
    rb'("(?:user_?id|user|end_?user|user_?name|enduser\.id)"\s{0,8}:\s{0,8})(?:"((?:[^"\\]|\\.)*+)"|([0-9]{1,20}))',
    re.IGNORECASE,
)
_V4_BASE = int(ipaddress.IPv4Address("198.18.0.0"))
_V6_BASE = int(ipaddress.IPv6Address("2001:db8::"))


def pseudonyms(data: bytes, secret: bytes) -> bytes:
    """Replace IPv4 addresses by ones of 198.18.0.0/15 (RFC 2544), IPv6 by 2001:db8::/32 (RFC 3849), and JSON users.

    Loopback and unspecified addresses stay. The same input gives the same output under the same secret, which makes
    counts per client still right but for chance: 2^17 IPv4 names are few, so among 100 clients two share one in about
    4 % of bundles. Users become `user-` and eight hexadecimal digits; empty ones stay.
    """

    def user(match: re.Match[bytes]) -> bytes:
        name = match[2] if match[2] is not None else match[3]
        return match[1] + b'"user-' + _digest(secret, b"user:" + name)[:8] + b'"' if name else match.group()

    @lru_cache(maxsize=65536)
    def address(token: bytes) -> bytes:
        return _renamed(token, secret)

    return _TOKEN.sub(lambda match: address(match.group()), _USER.sub(user, data))


def _renamed(token: bytes, secret: bytes) -> bytes:
    if v4 := _V4.fullmatch(token):
        return _v4(v4[1], secret) + v4[2]
    if mapped := _MAPPED.fullmatch(token):
        return mapped[1] + _v4(mapped[2], secret) + mapped[3]
    if token.count(b":") < 2:
        return token
    bare = token.rstrip(b".") if token.endswith(b"::") else token.rstrip(b".:")
    try:
        address = ipaddress.IPv6Address(bare.decode("ascii"))
    except ValueError:
        return token
    if address.is_loopback or address.is_unspecified:
        return token
    low = int(_digest(secret, b"v6:" + address.packed)[:24], 16)
    return str(ipaddress.IPv6Address(_V6_BASE | low)).encode() + token[len(bare) :]


def _v4(text: bytes, secret: bytes) -> bytes:
    try:
        address = ipaddress.IPv4Address(text.decode("ascii"))
    except ValueError:
        return text
    if address.is_loopback or address.is_unspecified:
        return text
    low = int(_digest(secret, b"v4:" + address.packed)[:8], 16) % (1 << 17)
    return str(ipaddress.IPv4Address(_V4_BASE + low)).encode()


def _digest(secret: bytes, value: bytes) -> bytes:
    return hmac.new(secret, value, hashlib.sha256).hexdigest().encode()
