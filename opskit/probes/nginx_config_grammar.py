"""Where a directive may stand and with what, by crossplane's tables; and what Nginx has learned since they were made.

The tables are of 2022 and know open-source Nginx and Nginx Plus. Of a directive that they do not know nothing is said
here: whether the installed Nginx knows it stands in its program file.
"""

from __future__ import annotations

from crossplane.analyzer import CONTEXTS, DIRECTIVES, analyze, enter_block_ctx
from crossplane.errors import NgxParserDirectiveError

from opskit.probes.nginx_config_evidence import Directive

Context = tuple[str, ...]
_OPAQUE = frozenset({"map", "geo", "types", "split_clients", "charset_map", "otel_exporter", "mgmt"})
_GROWN = frozenset({"resolver", "resolver_timeout", "keepalive", "zone", "state", "server", "include"})
"""Directives that take more, or stand in more places, than when the tables were made."""
_NEWER = frozenset({
    "http2", "http3", "http3_hq", "http3_max_concurrent_streams", "http3_stream_buffer_size",
    "quic_active_connection_id_limit",
    "quic_bpf", "quic_gso", "quic_host_key", "quic_retry", "ssl_reject_handshake", "ssl_conf_command", "keepalive_time",
    "proxy_cookie_flags", "proxy_ssl_conf_command", "add_header_inherit", "add_trailer_inherit", "proxy_pass_trailers",
    "ssl_certificate_cache", "ssl_object_cache_inheritable", "ssl_key_log", "early_hints", "max_headers",
    "keepalive_min_timeout", "sticky", "proxy_ssl_certificate_cache", "proxy_ssl_key_log", "ssl_ech_file",
    "proxy_allow_upstream", "proxy_request_dynamic", "ssl_certificate_compression", "auth_delay", "if",
})  # fmt: skip


def inner(name: str, context: Context) -> Context:
    """Return the context inside of a block."""
    found: Context = enter_block_ctx({"directive": name}, context)
    return found


def opaque(name: str, context: Context) -> bool:
    """Whether a block holds no directives but data, or is of no interest: nothing in it is judged."""
    return name in _OPAQUE or inner(name, context) not in CONTEXTS


def is_strange(name: str, context: Context) -> bool:
    """Whether neither the tables nor the list of what is newer know a directive."""
    return context in CONTEXTS and name not in DIRECTIVES and name not in _NEWER and "_by_lua" not in name


def mistake(found: Directive, end: str, context: Context) -> str:
    """Return what keeps Nginx from loading a directive that ended with `;`, `{`, `}` or the file, empty for nothing."""
    if end in {"}", ""}:
        return f'directive "{found.name}" is not terminated by ";"'
    if found.name in _GROWN or found.name.startswith(("js_", "ssl_")) or found.name in _NEWER:
        return ""
    statement = {"directive": found.name, "args": list(found.args), "line": found.line}
    try:
        analyze("", statement, end, context)
    except NgxParserDirectiveError as error:
        return str(error.strerror)
    return ""
