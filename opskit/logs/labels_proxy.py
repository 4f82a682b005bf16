"""What errors of clients, gateways and chat UIs mean: Node and undici, Python's HTTP clients, Go, Windows, any libc.

An error number's text differs between glibc, musl and Windows, so each has its own word here.
"""

from __future__ import annotations

from opskit.logs.label_rule import Rule, rule

PROXY: tuple[Rule, ...] = (
    # Ollama's own way to the registry is no part of the way from the user to Ollama.
    rule(
        "warning",
        "registry.ollama.ai",
        "cloudflarestorage.com",
        pattern=r"dial tcp|lookup|timeout|connection|tls|x509|unexpected eof",
    ),
    rule("proxy-config", "getaddrinfo", "enotfound", "eai_again", "no such host", "could not resolve host"),
    rule("proxy-config", "name or service not known", "name resolution", "name does not resolve", "nodename nor"),
    rule("proxy-tls", "x509: ", "certificate has expired", "certificate verify failed", "cert_has_expired"),
    rule("proxy-tls", "self-signed certificate", "self signed certificate", "unable_to_verify", "err_ssl_", "err_tls_"),
    rule("proxy-tls", "look like a tls handshake", "wrong version number", "wrong_version_number"),
    rule("proxy-refused", "econnrefused", "connection refused", "connect call failed", "actively refused"),
    rule("proxy-refused", "failed to connect", "cannot connect to host", "all connection attempts failed"),
    rule(
        "proxy-refused", "no route to host", "host is unreachable", "ehostunreach", "enetunreach", "connectionrefused"
    ),
    rule("proxy-refused", "network is unreachable", "network unreachable", "could not connect to ollama"),
    rule("proxy-timeout", "etimedout", "headerstimeout", "readtimeout", "connecttimeout", "gateway time"),
    rule("proxy-timeout", "timeouterror", "timeout exceeded", "i/o timeout", "deadline exceeded", "apitimeout"),
    rule("proxy-timeout", "und_err_", pattern=r"und_err_(?:headers|body|connect)_timeout"),
    rule(
        "proxy-timeout",
        "timed out",
        "run timeout",
        pattern=r"(?:request|connection|operation|read|connect|response|stream|run|fetch|attempt) timed out"
        r"|timed out after \d|run timeout:",
    ),
    rule("proxy-timeout", "timeout of ", pattern=r"timeout of \d+ ?ms exceeded"),
    rule("proxy-reset", "socket hang up", "econnreset", "serverdisconnected", "remotedisconnected", "connection reset"),
    rule("proxy-reset", "server disconnected", "und_err_socket", "other side closed", "premature close"),
    rule("proxy-reset", "remote end closed", "incomplete chunked read", "clientpayloaderror", "connection aborted"),
    rule("proxy-limit", "rate limit", "ratelimiterror", "too many requests", "no deployments available"),
    rule("proxy-limit", "too many open files", "emfile", "no file descriptors available"),
)
