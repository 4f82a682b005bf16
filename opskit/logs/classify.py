"""One label for a line, or for several lines of one story, of Ollama and of everything around it.

`python -m opskit.logs.classify FILE` prints `id<TAB>label` for every block of a file in which a line `@@ id | ...`
starts a block.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from opskit.logs import access_label
from opskit.logs.envelope import unglued, unwrap
from opskit.logs.gin import GinLine, read
from opskit.logs.labels import HARMLESS, NGINX, RULES, VAGUE, Rule
from opskit.model.regex import regex

SLOW_S = 30.0
_LIMIT = 20_000
_RUNAWAY_TOKENS = 10_000
_SLOW_TOKENS_S = 3.0
# The rules by word, in their order: most lines have none of the words, and are done after one pass over this list.
_WORDS = [(word, rule) for rule in RULES for word in rule.words]
_NGINX_WORDS = [(word, rule) for rule in NGINX for word in rule.words]
_STATUSES = {503: "queue-full", 499: "client-abort", 404: "not-found"}
# A load that stands still is given up after five minutes (before 0.1.39 after ten); what was cut off later than that
# had neither been answered nor died.
_LOAD_GIVEN_UP_S = 300.0
_HUNG_S = 630.0
# A download takes as long as it takes: nobody waits in a chat for it.
_TRANSFERS = ("/api/pull", "/api/push", "/api/create", "/api/blobs/")
# What a user wrote: prompts, and the request line where an access log quotes it.
_USER_KEYS = "prompt|content|body|text|input|query|question|suffix"
_PROMPT = regex(
    r'(?<![\w-])(?:prompt|content|input)=(\\*+)"(?:[^"\\]|\\.)*+"?'
    rf'|"(?:{_USER_KEYS})":\s{{0,4}}(?:"(?:[^"\\]|\\.)*+"?|\[(?:[^"\]]|"(?:[^"\\]|\\.)*+"?)*+)'
    # The same inside a quoted value: what ends the text is a quote with one backslash.
    rf'|\\"(?:{_USER_KEYS})\\":\s{{0,4}}\\"(?:[^"\\]|\\\\\\"|\\\\.|\\[^"])*+'
    r'|"[a-z]{3,10} [^\s"]{1,8000} http/[\d.]{1,4}\\*+"'
)
_LEVEL = r"(?:debug|info|notice|warn|error|crit|alert|emerg)\]"
# Its own file, its standard error before the file is open, and a message that somebody cut out.
_NGINX_LINE = regex(
    rf"(?={_LEVEL} (?:(?:\d+#\d+|n)\b|: \*\d))|(?<=nginx: \[)(?={_LEVEL} )"
    r"|^(?=(?:\*\d+ )?(?:upstream (?:timed out|prematurely closed|sent )|no live upstreams"
    r"|\w{2,20}\(\) (?:\S+ ){0,3}failed \(\d|client (?:intended to send|prematurely closed)))"
)
_NGINX_REACH = 200
# llama-server warns of much that is in order, but not in these words.
_TROUBLE = regex(r"\b(?:failed|unable|cannot|could not|error)\b")
_QUOTED = regex(r'"[^"]*+"?')
_GO_DATE = regex(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?=[\w./-]+\.go:\d+: |[a-z])")
_OFFLOADED = regex(r"offloaded (\d+)/(\d+) layers|layers\.model=(\d+).{0,80}layers\.offload=(\d+)")
_STARTED = regex(r"started in (\d+(?:\.\d+)?) seconds")
_DECODED = regex(r"(?:n_decoded|n_gen) = +(\d+)")
_PROGRESS = regex(r"prompt processing.{0,120} t = +(\d+(?:\.\d+)?) s")
# A single token takes 0.00 ms, because the clock starts with the first one: its rate means nothing.
_RATE = regex(
    r"\btg = +(\d+(?:\.\d+)?) t/s|(?<!prompt )eval time +=(?! *0\.00 ms).{0,90}, +(\d+(?:\.\d+)?) tokens per second"
)
# The whole of a request, or a part of it.
_TOTAL = regex(r"(?:total|eval) time += +(\d+(?:\.\d+)?) ms")

# For a block: a named cause beats "it died", which beats who gave up and why it was slow, which beats that it was slow;
# within one tier the first line.
TIERS: dict[str, int] = {
    # llama.cpp says that a command failed before it says that memory was short.
    "vram-oom": 7,
    **dict.fromkeys(("ram-oom", "gpu-lost", "gpu-fault", "panic", "disk-full", "port-conflict"), 6),
    **dict.fromkeys(("load-timeout", "not-found", "queue-full"), 5),
    **dict.fromkeys(("crash", "stuck", "runaway"), 4),
    **dict.fromkeys(("client-abort", "cpu-fallback", "partial-offload"), 3),
    **dict.fromkeys(("proxy-refused", "proxy-timeout", "proxy-reset", "proxy-config", "proxy-buffering"), 3),
    **dict.fromkeys(("proxy-limit", "proxy-tls"), 3),
    **dict.fromkeys(("slow", "reload", "truncated"), 2),
    "warning": 1,
    "ok": 0,
}


def label(line: str, slow_s: float = SLOW_S) -> str:
    """Return what one line means, "ok" where nothing is recognised. Times above `slow_s` seconds are "slow"."""
    labels = [meaning(piece, opened.level, slow_s) for opened in [unwrap(line)] for piece in unglued(opened.text)]
    return _worst(labels)


def block(lines: Sequence[str], slow_s: float = SLOW_S) -> str:
    """Return what several lines of one story mean: the first line of the gravest kind decides.

    A failed trial allocation that the runner recovers from is no more than a warning, unless something died after it.
    """
    labels = [label(line, slow_s) for line in lines]
    recovered = any(HARMLESS.search(line.lower()) for line in lines)
    if recovered and not any(TIERS[found] >= TIERS["crash"] and found != "vram-oom" for found in labels):
        labels = ["warning" if found == "vram-oom" else found for found in labels]
    told = [found for line, found in zip(lines, labels, strict=True) if not VAGUE.search(line.lower())]
    return _worst(told if any(found.startswith("proxy-") for found in told) else labels)


def _worst(labels: Sequence[str]) -> str:
    return max(labels, key=TIERS.__getitem__, default="ok")


def meaning(text: str, level: str = "", slow_s: float = SLOW_S) -> str:
    """Return the label of a text that was already taken out of its envelopes; `level` as `envelope.Opened` has it."""
    request = read(text)
    if request is not None:
        return _answer(request, slow_s)
    said = access_label.label(text[:_LIMIT])
    return said if said is not None else _told(_PROMPT.sub('""', text[:_LIMIT].lower()), level, slow_s)


def _told(low: str, level: str, slow_s: float) -> str:
    """Judge a message, without what users wrote into it, by its words and numbers."""
    found = _nginx(low)
    if found is not None:
        return found
    low = low[match.end() :] if (match := _GO_DATE.match(low)) else low
    found = _numbers(low, slow_s) or _first(_WORDS, low)
    found = access_label.stated(low) or "ok" if found == "ok" else found
    return "warning" if found == "ok" and (level == "E" or (level == "W" and _TROUBLE.search(low))) else found


def _nginx(low: str) -> str | None:
    """Judge a line of nginx by its own words: what is quoted, and all behind the client's address, is the client's."""
    match = _NGINX_LINE.search(low, 0, _NGINX_REACH)
    if match and '"' not in low[: match.start()]:
        return _first(_NGINX_WORDS, "[" + _QUOTED.sub('""', low[match.start() :].partition(", client: ")[0]))
    return None


def _first(words: Sequence[tuple[str, Rule]], low: str) -> str:
    for rule in [rule for word, rule in words if word in low]:
        if rule.pattern is None or rule.pattern.search(low):
            return rule.label
    return "ok"


def _answer(request: GinLine, slow_s: float) -> str:
    transfer = request.path.startswith(_TRANSFERS)
    if request.status in _STATUSES:
        return _STATUSES[request.status]
    if request.status >= 500 and not transfer:
        return _failed(request.duration_s or 0.0)
    if request.status >= 400:
        return "warning"
    waited = request.duration_s is not None and request.duration_s > slow_s
    return "slow" if waited and not transfer else "ok"


def _failed(duration_s: float) -> str:
    """Name what a request failed of after so long: a runner that dies does so at its start, or amid an answer."""
    if duration_s > _HUNG_S:
        return "stuck"
    return "load-timeout" if duration_s >= _LOAD_GIVEN_UP_S else "crash"


def _numbers(low: str, slow_s: float) -> str | None:
    """Judge the lines whose meaning is a number."""
    if match := _OFFLOADED.search(low):
        done, layers = (match[1], match[2]) if match[1] else (match[4], match[3])
        if int(done) >= int(layers):
            return "ok"
        return "partial-offload" if int(done) else "cpu-fallback"
    if match := _STARTED.search(low):
        return "slow" if float(match[1]) > slow_s else "ok"
    return _speed(low, slow_s)


def _speed(low: str, slow_s: float) -> str | None:
    if (match := _DECODED.search(low)) and int(match[1]) >= _RUNAWAY_TOKENS:
        return "runaway"
    if (match := _PROGRESS.search(low)) and float(match[1]) > slow_s:
        return "slow"
    if (match := _RATE.search(low)) and float(match[1] or match[2]) < _SLOW_TOKENS_S:
        return "slow"
    if (match := _TOTAL.search(low)) and float(match[1]) > slow_s * 1000:
        return "slow"
    return None


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in text.split("\n"):
        if line.startswith(("@@", "##########")):
            if name:
                yield name, lines
            name, lines = line[2:].partition("|")[0].strip() if line.startswith("@@") else "", []
        else:
            lines.append(line)
    if name:
        yield name, lines


def main(arguments: Sequence[str]) -> str:
    """Return the table for the files named."""
    rows = [
        f"{name}\t{block(lines)}\n"
        for argument in arguments
        for name, lines in _blocks(Path(argument).read_text("utf-8", "surrogateescape"))
    ]
    return "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
