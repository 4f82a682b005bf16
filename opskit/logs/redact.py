"""Takes secrets and prompts out of log text before anything stores, shows or sends it.

Every pass is linear in the length of the line: log text is untrusted, and a pattern that backtracks would let a
request stop the tool. Line ends are kept, so line numbers stay right. Replacing twice changes nothing.
"""

from __future__ import annotations

import re
from functools import cache

from opskit.logs import colours
from opskit.model.regex import regex

MARK = "[redacted]"
_SECRETS = (
    r"(?:proxy[-_])?authorization|(?:x[-_])?api[-_]?key|(?:set[-_])?cookies?|password|passwd|passphrase|pwd"
    r"|(?:client[-_])?secret|private[-_]key|(?:access|refresh|id|auth|session|bearer)[-_]token|token|credentials?"
)
_TEXTS = r"prompt|content|messages|system_prompt|reasoning_content|thinking"
_QUOTE = regex(r'(?<!\\)(\\*+)"')
_BRACKET = regex(r'(?<!\\)(\\*+)"|[\[\]{}]')
_SCALAR = regex(r"[^\s,\]}\"\\]*+")
_BARE = regex(r"-?[0-9][0-9.]*|null|true|false|")
# What a line must contain before the patterns above are worth trying: the end of a name and what follows it.
_NAMES = (
    *("authorization", "key", "cookie", "cookies", "password", "passwd", "passphrase", "pwd", "secret", "token"),
    *("credential", "credentials", "prompt", "content", "messages", "thinking"),
)
_MARKS = '"\\=:'
_HINT = regex("bearer|sk-|gh[oprsu]_|hf_|eyj|://")
_PEM_BEGIN = regex(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----")
_PEM_END = regex(r"-----END [A-Z ]{0,32}PRIVATE KEY-----")
_PEM_REST = regex(r"(?:[A-Za-z0-9+/=\r\n:, -]|\\[rn])*+")


@cache
def _members_pattern() -> re.Pattern[str]:
    """A member of an object, or key="..." of slog; the run of backslashes tells how deep it is quoted in other strings.

    This one and the next are compiled when a line needs them: few checks meet one, and all would wait for it.
    """
    return re.compile(
        rf'(?<!\\)(?P<quote>\\*+)"(?:(?P<secret>{_SECRETS})|(?:{_TEXTS}))(?P=quote)"\s{{0,8}}:\s{{0,8}}'
        rf'|(?<![\w-])(?:(?P<secret2>{_SECRETS})|(?:{_TEXTS}))=(?=\\*+")',
        re.IGNORECASE | re.ASCII,  # ASCII: lower() and the pattern must agree on what a letter is
    )


@cache
def _plain_pattern() -> re.Pattern[str]:
    """Secrets in plain text: pairs, headers, and what is one by its own look."""
    return re.compile(
        # key=value without quotes: URLs, forms, slog; numbers stay, they are counts and token ids
        rf"(?<![\w-])(?:{_SECRETS}|{_TEXTS})=(?!\[redacted\]|[0-9.]+(?![^\s&,;|]))(?P<pair>[^\s&\"',;}}\])\\|]++)"
        # headers; Go prints a header map as Name:[value]
        r"|(?<![\w-])(?:proxy-)?authorization:\s{0,4}+"
        r"(?!\[?(?:(?:bearer|basic|digest|token)\s{1,4})?\[redacted\])\[?+"
        r"(?P<auth>(?:(?:bearer|basic|digest|token)\s{1,4})?[^\s\"',;\]\\]++)"
        r"|(?<![\w-])(?:x-)?api-?key:\s{0,4}+(?!\[?\[redacted\])\[?+(?P<key>[^\s\"',;\]\\]++)"
        r"|(?<![\w-])password:\s{0,4}+(?!\[redacted\])(?P<word>[^\s\"',;\]\\]++)"
        r"|(?<![\w-])(?:set-)?cookie:\s{0,4}+(?!\[?\[redacted\])\[?+(?P<cookie>[^\"'\]\\\r\n]++)"
        # values that are secrets wherever they stand
        r"|(?<![\w-])bearer\s{1,4}(?P<bearer>[A-Za-z0-9._~+/=-]{8,}+)"
        r"|(?<![A-Za-z0-9])(?P<prefixed>sk-[A-Za-z0-9_-]{8,}+|gh[opsur]_[A-Za-z0-9]{20,}+|hf_[A-Za-z0-9]{20,}+)"
        r"|(?<![\w-])(?P<jwt>eyJ[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]*+)"
        r"|://(?!\[redacted\]@)(?P<userinfo>[^/\s@\"'<>\\?#]{1,512}+)(?=@)",
        re.IGNORECASE | re.ASCII,
    )


def redact(text: str) -> str:
    """Return `text` with keys, passwords, cookies, JWTs, private keys and prompt texts replaced by `[redacted]`.

    JSON lines stay valid JSON. Names such as `prompt_length` and numbers such as `prompt=3000` are left alone.
    """
    quiet = "\n" not in text and "-----" not in text and not _suspicious(text.lower())
    if quiet and not colours.may_hold(text):
        return text  # which is most of what is shown, and what a million paths are asked
    return _counted(text)[0]


def redact_bytes(data: bytes) -> tuple[bytes, int]:
    """Return the data without secrets, and the number of replacements. Bytes that are not UTF-8 are kept."""
    text, count = _counted(data.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape"), count


def _counted(text: str) -> tuple[str, int]:
    text, total = _private_keys(text)
    done = list[str]()
    for line in text.split("\n"):
        if _suspicious(line.lower()) or colours.may_hold(line):
            clean, count = _line(line)
            total += count
            done.append(clean)
        else:
            done.append(line)
    return "\n".join(done), total


def _line(line: str) -> tuple[str, int]:
    """Look at the line as it stands, then as a terminal shows it: where that has a secret, the colours go with it."""
    clean, count = _replaced(line)
    if not colours.may_hold(clean):
        return clean, count
    shown, more = _replaced(colours.without(clean))
    return (shown, count + more) if more else (clean, count)


def _replaced(line: str) -> tuple[str, int]:
    if not _suspicious(line.lower()):
        return line, 0
    named, members = _members(line)
    clean, values = _plain(named)
    return clean, members + values


def _suspicious(low: str) -> bool:
    marks = [mark for mark in _MARKS if mark in low]
    if marks and any(name + mark in low for name in _NAMES if name in low for mark in marks):
        return True
    return _HINT.search(low) is not None


def _plain(line: str) -> tuple[str, int]:
    return _plain_pattern().subn(_masked, line)


def _masked(match: re.Match[str]) -> str:
    start, end = match.span(match.lastgroup or 0)
    at = match.start()
    return match.group()[: start - at] + MARK + match.group()[end - at :]


def _members(line: str) -> tuple[str, int]:
    """Replace the values of members and of quoted `key="..."` pairs."""
    done, position, count = list[str](), 0, 0
    while match := _members_pattern().search(line, position):
        done.append(line[position : match.end()])
        end, value = _value(line, match)
        if value is None:
            done.append(line[match.end() : end])
        else:
            done.append(value)
            count += 1
        position = end
    done.append(line[position:])
    return "".join(done), count


def _value(line: str, match: re.Match[str]) -> tuple[int, str | None]:
    """Return where the value behind a name ends and what to put there, None to keep it."""
    start = match.end()
    opening = _QUOTE.match(line, start)
    if opening:
        end, closed = _string_end(line, opening.end(), len(opening[1]))
        shown = opening.group() + MARK + (opening.group() if closed else "")
        return end, None if shown == line[start:end] else shown
    quote = f'{match["quote"] or ""}"'
    if line[start : start + 1] in {"[", "{"}:
        return _bracket_end(line, start, len(match["quote"] or "")), f"{quote}{MARK}{quote}"
    scalar = _SCALAR.match(line, start)
    end = scalar.end() if scalar else start
    secret = match["secret"] or match["secret2"]
    word = line[start:end]
    if not secret or (_BARE.fullmatch(word) and (secret.lower() == "token" or not word[:1].isdigit())):
        return end, None
    return end, f"{quote}{MARK}{quote}"


def _string_end(line: str, start: int, level: int) -> tuple[int, bool]:
    """Return the position behind the string that begins at `start`, and whether it is closed."""
    for quote in _QUOTE.finditer(line, start):
        closes = _closes(len(quote[1]), level)
        if closes:
            return quote.end(), True
        if closes is None:  # the string around it ends first
            return quote.start(), False
    return len(line), False


def _closes(run: int, level: int) -> bool | None:
    """Tell whether a quote behind `run` backslashes ends a string whose own quotes carry `level` of them.

    Each layer of JSON in JSON writes a backslash as two and a quote as backslash and quote. None: an outer string ends.
    """
    while level > 0:
        if run % 2 == 0:
            return None
        run, level = (run - 1) // 2, (level - 1) // 2
    return run % 2 == 0


def _bracket_end(line: str, start: int, level: int) -> int:
    """Return the position behind the array or object that begins at `start`."""
    depth, inside = 0, False
    for token in _BRACKET.finditer(line, start):
        if token[1] is not None:
            closes = _closes(len(token[1]), level)
            if closes is None:
                return token.start()
            inside = not inside if closes else inside
        elif not inside:
            depth += 1 if token.group() in {"[", "{"} else -1
            if depth == 0:
                return token.end()
    return len(line)


def _private_keys(text: str) -> tuple[str, int]:
    """Replace PEM blocks; the line ends inside them stay. An END that is missing once is not searched for again."""
    done, position, count, ends = list[str](), 0, 0, True
    while begin := _PEM_BEGIN.search(text, position):
        end = _PEM_END.search(text, begin.end()) if ends else None
        ends = end is not None
        rest = end or _PEM_REST.match(text, begin.end())
        stop = rest.end() if rest else begin.end()
        done.append(text[position : begin.start()] + MARK + "\n" * text.count("\n", begin.start(), stop))
        position, count = stop, count + 1
    done.append(text[position:])
    return "".join(done), count
