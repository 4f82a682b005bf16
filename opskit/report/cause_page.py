"""The page of a cause in `docs/causes/`, made from its definition: English first, then Chinese."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from opskit.model.playbook import Remedy
from opskit.model.text import Text
from opskit.report import cause_words as words
from opskit.report.cause_words import ToldCause, filled, linked

_CHINESE = "中文"
_ENDS = (".", "。", "!", "?", "！", "？")


def cause_page(told: ToldCause) -> str:
    """Return the page as Markdown, with a final line end."""
    cause = told.cause
    head = [f"# {cause.code}: {cause.summary.en}", f"{_where(told)} {_CHINESE}见[文末](#{_CHINESE})。"]
    chinese = [f"## {_CHINESE}", f"**{cause.summary.pick('zh')}**"]
    return "\n\n".join([*head, *_half(told, "en", "## {}"), *chinese, *_half(told, "zh", "### {}")]) + "\n"


def _where(told: ToldCause) -> str:
    books = ", ".join(f"[{name}](../../playbooks/{name}.yaml)" for name in told.playbooks)
    where = words.LAYER if books else words.LAYER_ALONE
    return filled(where, "en", layer=told.cause.layer, playbooks=books)


def _half(told: ToldCause, lang: str, heading: str) -> Iterator[str]:
    """The blocks of one language."""
    cause = told.cause
    if cause.seen:
        yield heading.format(words.SEEN.pick(lang))
        yield _read(cause.seen, lang)
    yield heading.format(words.PROVEN.pick(lang))
    if told.facts:
        yield "\n".join(_fact(name, text, lang) for name, text in told.facts)
    yield from words.rules(told, lang, _code)
    if told.params:
        yield "\n".join(f"- {line}" for line in words.params(told, lang, _code))
    if cause.mistaken_for:
        yield heading.format(words.MISTAKEN.pick(lang))
        yield "\n".join(f"- {_read(text, lang)}" for text in cause.mistaken_for)
    if cause.follows:
        yield _read(words.follows(cause), lang)
    yield heading.format(words.WHAT_TO_DO.pick(lang))
    for number, remedy in enumerate(cause.remedy, 1):
        yield from _remedy(number, remedy, lang)
    yield heading.format(words.HELPED.pick(lang))
    again = filled(words.AGAIN, lang, verify=_code(cause.verify), again=_code(told.again))
    helped = _read(cause.helped, lang) if cause.helped else ""
    yield f"{again}{' ' if lang == 'en' else ''}{helped}".rstrip()


def _fact(name: str, text: Text | None, lang: str) -> str:
    if text is None:
        return f"- {_code(name)}"
    return f"- {_code(name)}{'：' if lang == 'zh' else ': '}{_read(text, lang)}"


def _remedy(number: int, remedy: Remedy, lang: str) -> Iterator[str]:
    bracket = "（{}）" if lang == "zh" else " ({})"
    risk = bracket.format(words.RISKS[remedy.risk].pick(lang)) if remedy.risk else ""
    end = ("：" if lang == "zh" else ":") if remedy.run else ""
    yield f"{number}. {_read(remedy.text, lang)}{risk}{end}"
    if remedy.run:
        yield _block(remedy.run)
    if remedy.undo:
        yield "   " + filled(words.UNDO, lang, undo="").rstrip()
        yield _block(remedy.undo)
    elif remedy.undo_text:
        yield "   " + _sentence(filled(words.UNDO, lang, undo=_read(remedy.undo_text, lang)), lang)


def _block(command: tuple[str, ...]) -> str:
    return f"   ```sh\n   {shlex.join(command)}\n   ```"


def _sentence(text: str, lang: str) -> str:
    return text if text.endswith(_ENDS) else text + ("。" if lang == "zh" else ".")


def _read(text: Text, lang: str) -> str:
    """Words with the codes of other causes as links."""
    return linked(text.pick(lang), lambda code: f"[{code}]({code}.md)")


def _code(text: str) -> str:
    return f"`{text}`"
