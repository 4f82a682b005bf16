"""The words in which gateways say why a request failed, as kinds of failure. Pure; for `endings_kind`.

They are words of the field: HTTP clients of Go, Python and Node, OpenAI's error codes, circuit breakers, and the
Chinese ones of one-api and its kin. Not of one product.
"""

from __future__ import annotations

from opskit.model.regex import regex

LONG = regex(
    r"prompt\W{0,3}(?:is )?too (?:long|large|big)|(?:input|question|messages?|text) (?:is |are )?too (?:long|large|big)"
    r"|\btoo long\b|max(?:imum)? (?:context|prompt|input|\d+ ?(?:char|token))|context[ _](?:length|size|window)"
    r"|exceed\w*[ _]context|exceeds? (?:the )?(?:available|max(?:imum)?) (?:context|prompt|input|length)|input length"
    r"|string_above_max_length|(?:提示词?|输入|内容|文本|上下文|消息).{0,10}(?:过长|太长|超出|超过)|超过最大长度"
)
OF_CONTEXT = regex(r"context|token|上下文")
"""Of a length that the model does not take, where the gateway's own limit is one of characters."""
_ASKED_LENGTH = regex(r"max_(?:completion_|output_|new_)?tokens")
_NAMED = r"[ :=(]{0,3}[\"'`“]?[^\s\"'`”]{0,120}[\"'`”]?,? {0,2}"
MODEL = regex(
    rf"\bmodels?\b{_NAMED}(?:is |was |has )?(?:not (?:been )?(?:found|supported|available)|does not exist|unknown)"
    r"|model_not_found|(?:unknown|no such|unsupported|invalid) model|模型.{0,60}(?:不存在|未找到|不支持)"
    r"|找不到.{0,4}模型"
)
BREAKER = regex(r"circuit|breaker|cool(?:ing)?[ -]?down|no (?:healthy|available) (?:upstream|deployment|backend)|熔断")
BUSY = regex(
    r"server busy|server is busy|queue (?:is )?full|pending requests exceeded|overloaded|too many concurrent"
    r"|服务(?:器)?繁忙|系统繁忙|队列已满"
)
NAME = regex(
    r"name or service not known|name resolution|no such host|getaddrinfo|enotfound|eai_again|could not be resolved"
    r"|nxdomain|解析失败|无法解析"
)
DOWN = regex(
    r"connection refused|econnrefused|connect call failed|connection attempts failed|no route to host"
    r"|ehostunreach|network is unreachable|dial tcp|failed to establish|errno 111|拒绝连接|连接被拒绝|无法连接"
)
LATE = regex(
    r"time(?:d)?[ -]?out|no (?:first|complete) (?:byte|token|answer)|deadline exceeded|etimedout"
    r"|did not (?:answer|respond)|within \d{1,6}|超时"
)
LEFT = regex(
    r"client.{0,20}(?:closed|disconnect|gone|left|abort|cancel|hung up)|context cancell?ed|broken pipe|epipe"
    r"|(?:closed|cancell?ed|aborted) by (?:the )?(?:client|user|caller)|cancellederror|clientdisconnect|request aborted"
    r"|客户端.{0,8}(?:断开|关闭|取消)"
)
DIED = regex(
    r"eof\b|reset by peer|econnreset|peer closed|incomplete|broke off|unexpectedly|terminated|prematurely|"
    r"upstream.{0,20}closed|remoteprotocol|socket hang up|server disconnected|crash|cuda|runner"
)
_OF_SERVER = regex(r"llama|runner|cuda|\bvram\b|out of memory|no slots? available")
_NOTHING = frozenset({"", "-", "none", "null", "nil", "<nil>", "ok", "false", "no error", "n/a", "success", "{}", "[]"})


def said(error: str | None) -> str:
    """Return an error's text in lower case; "" for the words that loggers write where there was none."""
    text = (error or "").strip().lower()
    return "" if text in _NOTHING else text


def is_long(text: str) -> bool:
    """Whether a refusal is about a prompt's length, and not about that of the answer which was asked for."""
    return bool(LONG.search(text)) and not _ASKED_LENGTH.search(text)


def tells_of_upstream(error: str) -> bool:
    """Whether a refusal says itself that the model server was asked, or was to be: not there, busy, broken."""
    text = said(error)
    if BREAKER.search(text):
        return False
    return any(words.search(text) for words in (BUSY, NAME, DOWN, DIED, _OF_SERVER))
