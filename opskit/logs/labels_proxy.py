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
    # llama-swap starts its servers itself, and asks for their health until it is good.
    rule("load-timeout", "health check ", pattern=r"health check (?:failed|timed out) after \d"),
    rule("reload", "health check error", pattern=r"status code: 503|normal during startup"),
    rule("crash", "exited prematurely"),
    # libcurl, in the words of its codes (curl_easy_strerror): 23, 6, 60 and 35, 7, 28, 52, 56 and 18.
    rule("client-abort", "failed writing received data", "failed writing body", "failure writing output to dest"),
    rule("proxy-config", "resolve host name", "resolve proxy name"),
    rule("proxy-tls", "ssl peer certificate", "ssl connect error"),
    rule("proxy-refused", "couldn't connect to server", "could not connect to server"),
    rule("proxy-timeout", "timeout was reached"),
    rule("proxy-reset", "empty reply from server", "server returned nothing", "failure when receiving data"),
    rule("proxy-reset", "transferred a partial file"),
    # HTTP/2's error codes in Go's words, and what Envoy answers for an upstream that was lost.
    rule("client-abort", "stream error: stream id", pattern=r"stream id \d+; cancel"),
    rule("proxy-limit", "disconnect/reset before headers", pattern=r"reset reason: overflow"),
    rule("proxy-timeout", "disconnect/reset before headers", pattern=r"reset reason: connection timeout"),
    rule("proxy-refused", "disconnect/reset before headers", pattern=r"reset reason: (?:remote )?connection failure"),
    rule("proxy-reset", "disconnect/reset before headers", "stream error: stream id"),
    # The address of the model server, as somebody wrote it into the settings of a client.
    rule("proxy-config", "unsupportedprotocol", "missingschema", "no scheme supplied", "unsupported protocol scheme"),
    rule("proxy-config", "err_invalid_url", "failed to parse url", "no host supplied"),
    rule("proxy-config", "getaddrinfo", "enotfound", "eai_again", "no such host", "could not resolve host"),
    rule("proxy-config", "name or service not known", "name resolution", "name does not resolve", "nodename nor"),
    rule("proxy-config", "err_name_not_resolved", "invalid websocket upgrade", "request entity too large"),
    rule("proxy-config", "websocket connection to", pattern=r"websocket connection to \S{1,400} failed"),
    rule("proxy-tls", "err_cert_", "ssl certificate problem"),
    rule("proxy-tls", "x509: ", "certificate has expired", "certificate verify failed", "cert_has_expired"),
    rule("proxy-tls", "self-signed certificate", "self signed certificate", "unable_to_verify", "err_ssl_", "err_tls_"),
    rule("proxy-tls", "look like a tls handshake", "wrong version number", "wrong_version_number"),
    rule("proxy-refused", "err_connection_refused"),
    rule("proxy-refused", "econnrefused", "connection refused", "connect call failed", "actively refused"),
    rule("proxy-refused", "failed to connect", "cannot connect to host", "all connection attempts failed"),
    rule(
        "proxy-refused", "no route to host", "host is unreachable", "ehostunreach", "enetunreach", "connectionrefused"
    ),
    rule("proxy-refused", "network is unreachable", "network unreachable", "could not connect to ollama"),
    rule("proxy-refused", "could not connect to a running"),
    rule(
        "proxy-refused",
        "connect to ",
        "error connecting to ",
        pattern=r"(?:(?:unable to|could(?: not|n't)|can(?:no|')t) connect|error connecting) to (?:the )?"
        r"(?:ollama|backend|upstream|model)",
    ),
    rule("proxy-timeout", "etimedout", "headerstimeout", "readtimeout", "connecttimeout", "gateway time"),
    rule("proxy-timeout", "timeouterror", "timeout exceeded", "i/o timeout", "deadline exceeded", "apitimeout"),
    rule("proxy-timeout", "und_err_", pattern=r"und_err_(?:headers|body|connect)_timeout"),
    rule(
        "proxy-timeout",
        "timed out",
        "run timeout",
        "timeout after",
        pattern=r"(?:request|connection|operation|read|connect|response|stream|run|fetch|attempt) timed out"
        r"|profile \S{1,80} timed out|time(?:d ?)?out after \d|run timeout:",
    ),
    rule("proxy-timeout", "timeout error", pattern=r"(?:headers|body|connect) timeout error"),
    # What a gateway's agent gives as its reason, and the watch over a model that says nothing.
    rule("proxy-timeout", "reason=timeout", "before the idle watchdog"),
    rule("proxy-timeout", "idle timeout", pattern=r"idle timeout (?:\(|after|of|exceeded|reached)"),
    rule(
        "proxy-timeout",
        "sockettimedout",
        "err_timed_out",
        "err_connection_timed_out",
        "error code: 52",
        "a timeout occurred",
    ),
    rule("proxy-timeout", "timeout of ", pattern=r"timeout of \d+ ?ms exceeded"),
    rule("proxy-reset", "socket hang up", "econnreset", "serverdisconnected", "remotedisconnected", "connection reset"),
    rule("proxy-reset", "server disconnected", "und_err_socket", "other side closed", "premature close"),
    rule("proxy-reset", "connection broken: ", "err_incomplete_chunked", "err_empty_response", "err_http2_protocol"),
    rule("proxy-reset", "err_connection_reset", "err_connection_closed", "err_content_length_mismatch"),
    rule("proxy-reset", "payload is not completed", "transferencodingerror", "contentlengtherror"),
    rule("proxy-reset", "aborting with incomplete response", "connection was interrupted", "without a final response"),
    rule("proxy-reset", "disconnected before completion", "premature_close"),
    # undici has one word for an answer whose connection went away.
    rule("proxy-reset", "terminated", pattern=r"(?:error|request)(?:=|: )terminated(?:[\s\"',.|)]|$)"),
    # Go's HTTP client in a proxy: the upstream closed where an answer was due.
    rule("proxy-reset", "eof", pattern=r"(?:bad gateway|origin service|upstream|round ?trip).{0,160}\beof\b"),
    rule("proxy-reset", "remote end closed", "incomplete chunked read", "clientpayloaderror", "connection aborted"),
    # What is left when the cause was not told; `classify.block` hears whoever tells it.
    rule("proxy-refused", "fetch failed", "502 bad gateway"),
    rule("proxy-refused", "unable to reach the origin service", "unreachable backend", "no healthy upstream"),
    rule(
        "proxy-refused",
        "connection error",
        pattern=r"connection error(?:\.|:(?! ?\d{3}, message)|$)|network connection error",
    ),
    # HTTP clients of Python and Node, about the model server itself.
    rule(
        "crash",
        "500",
        pattern=r"(?:\b500, message='|server error '500|\b500 server error|status code:? 500\b).{0,200}(?:11434|ollama)"
        r"|ollama.{0,80}(?:\b500, message='|status code:? 500\b)",
    ),
    rule("proxy-limit", "usage limit", pattern=r"(?:reached|hit) your \S{1,20} ?usage limit"),
    rule("proxy-limit", "rate limit", "ratelimiterror", "too many requests", "no deployments available"),
    rule("proxy-limit", "conntrack: table full"),
    rule("proxy-limit", "too many open files", "emfile", "no file descriptors available"),
)
