"""A cause as a page and at a terminal: both say the same, in both languages, and nothing of it is an instruction."""

from __future__ import annotations

from opskit.model.playbook import Cause, Param, Remedy
from opskit.model.text import Text
from opskit.report.cause_json import cause_json
from opskit.report.cause_page import cause_page
from opskit.report.cause_text import cause_text
from opskit.report.cause_words import ToldCause
from opskit.report.wrapping import columns
from tests.report.builders import CHINESE, ENGLISH, HOSTILE

BUSY = Cause(
    code="OPS900",
    layer="web",
    summary=Text("It is busy", "它很忙"),
    remedy=(
        Remedy(Text("Look", "查看"), ("ps", "-C", "web server"), "read-only"),
        Remedy(Text("Stop it", "停掉"), ("systemctl", "stop", "web"), "disruptive", ("systemctl", "start", "web")),
        Remedy(Text("Wait", "等"), ("sleep", "1"), "changes-state", undo_text=Text("Nothing", "无")),
        Remedy(Text("Ask a colleague", "问同事")),
    ),
    verify="web.load < many",
    certain_if="web.load > 9",
    proof=("web.load", "web.kind"),
    seen=Text("Pages wait.", "页面等待。"),
    mistaken_for=(Text("A night: see OPS901.", "夜间：见OPS901。"), Text("`OPS9`, XOPS901 or OPS9011", "无")),
    helped=Text("`ps` is calm.", "`ps` 平静。"),
)
TOLD = ToldCause(
    cause=BUSY,
    playbooks=("chat-stuck",),
    named=("web.load > few",),
    facts=(("web.load", Text("the `load`", "负载 `load`")), ("web.kind", None)),
    params=(("many", Param(9.0, Text("no accident", "并非偶然"))), ("few", Param(2.5))),
)
BARE = ToldCause(Cause("OPS901", "gpu", Text("Only English"), (Remedy(Text("Wait")),), "a.b", None, ("a.b",)))

PAGE = """\
# OPS900: It is busy

Layer: web. Playbook: [chat-stuck](../../playbooks/chat-stuck.yaml). 中文见[文末](#中文)。

## What users see

Pages wait.

## What proves it

- `web.load`: the `load`
- `web.kind`

It is named where `web.load > few` holds.

The verdict is certain where `web.load > 9` holds and every question on the way had an answer; otherwise it is probable.

- `many` is 9: no accident
- `few` is 2.5

## What it is easily mistaken for

- A night: see [OPS901](OPS901.md).
- `OPS9`, XOPS901 or OPS9011

## What to do

1. Look (read-only):

   ```sh
   ps -C 'web server'
   ```

2. Stop it (disruptive):

   ```sh
   systemctl stop web
   ```

   Undo:

   ```sh
   systemctl start web
   ```

3. Wait (changes state):

   ```sh
   sleep 1
   ```

   Undo: Nothing.

4. Ask a colleague

## How to see that it helped

`web.load < many` holds: run `opskit triage` again. `ps` is calm.

## 中文

**它很忙**

### 用户看到的现象

页面等待。

### 依据

- `web.load`：负载 `load`
- `web.kind`

`web.load > few` 成立时判为本原因。

`web.load > 9` 成立且途中每个问题都有答案时为“确定”，否则为“很可能”。

- `many` 为 9：并非偶然
- `few` 为 2.5

### 容易混淆

- 夜间：见[OPS901](OPS901.md)。
- 无

### 处置

1. 查看（只读）：

   ```sh
   ps -C 'web server'
   ```

2. 停掉（影响服务）：

   ```sh
   systemctl stop web
   ```

   回退：

   ```sh
   systemctl start web
   ```

3. 等（改变状态）：

   ```sh
   sleep 1
   ```

   回退：无。

4. 问同事

### 恢复判据

`web.load < many` 成立：再运行一次 `opskit triage`。`ps` 平静。
"""

TERMINAL = """\
OPS900: It is busy
Layer: web. Playbook: chat-stuck.

What users see
  Pages wait.

What proves it
  - web.load: the load
  - web.kind
  It is named where web.load > few holds.
  The verdict is certain where web.load > 9 holds
      and every question on the way had an answer;
      otherwise it is probable.
  - many is 9: no accident
  - few is 2.5

What it is easily mistaken for
  - A night: see OPS901.
  - OPS9, XOPS901 or OPS9011

What to do
  1. Look [read-only]
       ps -C 'web server'
  2. Stop it [disruptive]
       systemctl stop web
     undo: systemctl start web
  3. Wait [changes state]
       sleep 1
     undo: Nothing
  4. Ask a colleague

How to see that it helped
  web.load < many holds: run opskit triage again.
  ps is calm."""


def test_the_page_has_everything_in_both_languages() -> None:
    assert cause_page(TOLD) == PAGE


def test_the_terminal_shows_one_language_without_marks_and_within_its_width() -> None:
    assert cause_text(TOLD, ENGLISH, 50) == TERMINAL
    chinese = cause_text(TOLD, CHINESE, 40)
    assert "`" not in chinese
    assert "页面等待。" in chinese
    assert "Pages" not in chinese
    assert max(columns(line) for line in chinese.splitlines()) <= 40


def test_what_a_site_left_out_leaves_no_empty_section() -> None:
    text = cause_text(BARE, CHINESE)
    assert text.splitlines()[:2] == ["OPS901: Only English", "层次：gpu。没有预案会走到这里。"]
    assert "用户看到的现象" not in text
    assert "容易混淆" not in text
    assert "证据不能排除其他原因，因此只判为“很可能”。" in text
    page = cause_page(BARE)
    assert "Layer: gpu. No playbook leads to it." in page
    assert "\n\n\n" not in page
    assert "What users see" not in page


def test_the_command_that_looks_again_is_that_of_its_playbook() -> None:
    other = ToldCause(BUSY, ("other", "third"))
    assert "run opskit triage other again." in cause_text(other, ENGLISH)
    assert "`opskit triage other`" in cause_page(other)


def test_names_that_would_drive_a_terminal_are_spelt_out() -> None:
    hostile = Cause(HOSTILE, HOSTILE, Text("s", "z"), (Remedy(Text("w", "w")),), HOSTILE, HOSTILE, (HOSTILE,))
    told = ToldCause(hostile, named=(HOSTILE,), facts=((HOSTILE, None),), params=((HOSTILE, Param(1.0)),))
    text = cause_text(told, ENGLISH, 0)
    assert not {"\x1b", "\u202e", "\x00"} & set(text)
    # One line more for when it is named, for a fact and for a number.
    assert len(text.splitlines()) == len(cause_text(BARE, ENGLISH, 0).splitlines()) + 3


def test_the_object_says_what_the_page_says() -> None:
    told = cause_json(TOLD, CHINESE)
    assert (told["code"], told["playbooks"], told["named_if"]) == (
        "OPS900",
        ["chat-stuck"],
        ["web.load > few"],
    )
    assert told["facts"] == {"web.load": "负载 `load`", "web.kind": None}
    assert told["params"] == {"many": 9.0, "few": 2.5}
    assert told["remedy"][1]["undo"] == ["systemctl", "start", "web"]
    assert cause_json(BARE, ENGLISH)["seen"] is None
