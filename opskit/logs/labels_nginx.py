"""What messages of nginx's error log mean, by the number of the error where there is one.

Texts differ (glibc "Connection timed out", musl "Operation timed out", Windows in the language of the system), numbers
do not: Linux, BSD and Winsock in this order. The text is `[level] PID#TID: *CID message while ACTION`: without what
follows `, client: ` and with every quoted name emptied, for those are the client's words.
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule

_RESET = "104|103|32|54|10054|10053"
_TIMED_OUT = "110|60|10060"
_TAKEN = "98|48|10048|10013"
_CLIENT_SIDE = (
    r"sending (?:response )?to client|waiting for request|keepalive|reading client|http/[23] connection"
    r"|ssl handshaking(?! to)"
)
_SSL = (
    r"ssl_\w{2,20}\(\)|ssl certificate|certificate (?:verify|has exp)|peer closed connection in ssl handshake"
    r"|while ssl handshaking to upstream|(?:cannot load|no) \S{0,40} ?certificate|http request to https port"
)

NGINX: tuple[Rule, ...] = (
    rule("ok", "closed keepalive connection"),
    rule("client-abort", "client prematurely closed", "client timed out"),
    rule(
        "client-abort", "failed (", pattern=rf"failed \((?:{_RESET}|{_TIMED_OUT}): .{{0,200}}while (?:{_CLIENT_SIDE})"
    ),
    # Somebody came by and left: of the way to the upstream it says nothing.
    rule("client-abort", "peer closed connection in ssl", pattern=r"while ssl handshaking(?! to)"),
    rule("warning", "dry run", "delaying request", "reusing connections", "a client request body is buffered"),
    rule("proxy-buffering", "is buffered to a temporary file"),
    rule("disk-full", "(28: ", "(122: ", "(112: there is not"),
    rule("ram-oom", "(12: ", "(1455: ", pattern=r"failed \(\d+: "),
    rule("port-conflict", "bind()", pattern=rf"\((?:{_TAKEN}): |could not bind"),
    rule("proxy-limit", "limiting requests", "limiting connections", "worker_connections are not enough"),
    rule("proxy-limit", "(24: ", "(23: ", "(10024: "),
    rule("proxy-timeout", "timed out", "failed (", pattern=rf"upstream timed out|failed \((?:{_TIMED_OUT}): "),
    rule("proxy-tls", "ssl", "certificate", "https port", pattern=_SSL),
    rule(
        "proxy-refused",
        "connect()",
        "no live upstreams",
        "temporarily disabled",
        "upstream servers are busy",
        pattern=rf"connect\(\) .{{0,200}}failed \((?!13: |(?:{_RESET}): )\d+: |upstreams?",
    ),
    rule("proxy-reset", "upstream prematurely closed", "upstream sent"),
    rule("proxy-reset", "failed (", "reset", pattern=rf"\((?:{_RESET}): "),
    rule("proxy-config", "[emerg]", "(13: ", "client intended to send too large", "host not found in upstream"),
    rule("proxy-config", "could not be resolved", "no resolver defined", "upgrade header", "redirection cycle"),
    rule("proxy-config", "invalid url prefix", "directory index of", "invalid port in upstream"),
    rule("not-found", "(2: ", "(3: ", pattern=r"\*\d+ (?:\w{4,24}\(\) \"\" failed|\"\" is not found) \([23]: "),
    rule("crash", "exited on signal", pattern=r"exited on signal (?!2\b|3\b|15\b)\d"),
    rule("warning", "[warn]", "[error]", "[crit]", "[alert]"),
)
