"""A cause with all that its page says, and the words around it. The page has both languages, a terminal shows one.

These are no messages of the catalogue, because the page is made in two languages at once, and the same each time.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from opskit.model.playbook import Cause, Param
from opskit.model.regex import regex
from opskit.model.text import Text

LAYER = Text("Layer: {layer}. Playbook: {playbooks}.", "层次：{layer}。预案：{playbooks}。")
LAYER_ALONE = Text("Layer: {layer}. No playbook leads to it.", "层次：{layer}。没有预案会走到这里。")
SEEN = Text("What users see", "用户看到的现象")
PROVEN = Text("What proves it", "依据")
MISTAKEN = Text("What it is easily mistaken for", "容易混淆")
FOLLOWS = Text("May also follow from: {codes}.", "也可能由这些原因引起：{codes}。")
WHAT_TO_DO = Text("What to do", "处置")
HELPED = Text("How to see that it helped", "恢复判据")
NAMED = Text("It is named where {rule} holds.", "{rule} 成立时判为本原因。")
CERTAIN = Text(
    "The verdict is certain where {rule} holds and every question on the way had an answer; otherwise it is probable.",
    "{rule} 成立且途中每个问题都有答案时为“确定”，否则为“很可能”。",
)
PROBABLE = Text(
    "The verdict is always probable: the evidence does not exclude other causes.",
    "证据不能排除其他原因，因此只判为“很可能”。",
)
PARAM = Text("{name} is {value}", "{name} 为 {value}")
SAID_PARAM = Text("{name} is {value}: {says}", "{name} 为 {value}：{says}")
AGAIN = Text("{verify} holds: run {again} again.", "{verify} 成立：再运行一次 {again}。")
RISKS = {
    "read-only": Text("read-only", "只读"),
    "changes-state": Text("changes state", "改变状态"),
    "disruptive": Text("disruptive", "影响服务"),
}
UNDO = Text("Undo: {undo}", "回退：{undo}")
_CODE = regex(r"(?<![A-Za-z0-9_])OPS[1-9][0-9]{2}(?![A-Za-z0-9_])")
_MAIN = "chat-stuck"  # what `opskit triage` walks where nothing else is said


class ToldCause(msgspec.Struct, frozen=True):
    """A cause, the ids of the playbooks that lead to it, and what its facts and parameters mean.

    `named` are the conditions of the questions whose "yes" leads straight to it. `facts` are those of the proof, of the
    rule for certainty and of `named`, with their words where there are any; `params` are those of all its conditions.
    """

    cause: Cause
    playbooks: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    facts: tuple[tuple[str, Text | None], ...] = ()
    params: tuple[tuple[str, Param], ...] = ()

    @property
    def again(self) -> str:
        """The command that looks again."""
        if _MAIN in self.playbooks or not self.playbooks:
            return "opskit triage"
        return f"opskit triage {self.playbooks[0]}"


def follows(cause: Cause) -> Text:
    """The causes that may bring this one along, as a sentence."""
    codes = cause.follows
    return Text(FOLLOWS.en.format(codes=", ".join(codes)), FOLLOWS.pick("zh").format(codes="、".join(codes)))


def filled(words: Text, lang: str, **parts: str) -> str:
    """Return a sentence in `lang` with its parts filled in."""
    return words.pick(lang).format_map(parts)


def linked(text: str, link: Callable[[str], str]) -> str:
    """Return words with the codes of other causes made links."""
    return _CODE.sub(lambda found: link(found[0]), text)


def rules(told: ToldCause, lang: str, code: Callable[[str], str]) -> list[str]:
    """Return when it is named and when that is certain; `code` marks what is no word of a language."""
    certain = told.cause.certain_if
    named = [filled(NAMED, lang, rule=code(condition)) for condition in told.named]
    return [*named, filled(CERTAIN, lang, rule=code(certain)) if certain else PROBABLE.pick(lang)]


def params(told: ToldCause, lang: str, code: Callable[[str], str]) -> list[str]:
    """Return what the numbers of the contract are that the rules name."""
    lines = []
    for name, param in told.params:
        words = SAID_PARAM if param.says else PARAM
        says = param.says.pick(lang) if param.says else ""
        lines.append(filled(words, lang, name=code(name), value=f"{param.default:g}", says=says))
    return lines
