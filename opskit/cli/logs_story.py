"""`opskit logs find` and `story`: one request through all logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from opskit.cli.logs_shared import out_csv, table
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json
from opskit.logs.account_json import moment, shown
from opskit.logs.mention import Mention
from opskit.logs.request import Request
from opskit.logs.story import Story
from opskit.logs.story import find as found_in
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.settings import Settings

_TIES = {
    "id": say("its id"),
    "connection": say("the connection"),
    "client": say("client, path and time"),
    "shared": say("shared with another request"),
    "text": say("the id in its text"),
    "time": say("time alone"),
}


def find(options: Options, /, **given: Any) -> int:
    """Print every line about a request as it stands; 1 where there is none, 3 where a log could not be read."""
    return _answer(options, by_time=False, **given)


def story(options: Options, /, **given: Any) -> int:
    """Print the life of a request; exit codes as for `find`."""
    return _answer(options, by_time=True, **given)


def _answer(
    options: Options,
    request_id: str,
    paths: tuple[Path, ...],
    format_name: str,
    by_time: bool,
    as_json: bool = False,
    as_csv: bool = False,
) -> int:
    context = context_of(options)
    logs = paths or _configured(context.settings)
    try:
        answer = found_in(request_id, logs, context.reader.zone, by_time, format_name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        out_json(_json(answer, context.reader))
    elif as_csv:
        rows = [_row(mention, context.reader) for mention in answer.mentions]
        aside = map(context.reader.read, (*answer.outcomes, *answer.problems))
        out_csv(("at", "layer", "tie", "path", "line", "text"), rows, aside)
    else:
        out("\n".join(_story_text(answer, context.reader) if by_time else _find_text(answer, context.reader)))
    if answer.problems:
        return 3
    return 0 if answer.mentions else 1


def _row(mention: Mention, reader: Reader) -> tuple[object, ...]:
    at = moment(mention.at, reader.zone) or "-"
    return at, mention.layer, mention.tie, mention.path, mention.line, mention.text


def _configured(settings: Settings) -> Sequence[Path]:
    stack = settings.stack
    named = (stack.nginx.access_log, stack.nginx.error_log, stack.gateway.log, stack.clawdbot.log, stack.ollama.log)
    return [Path(name) for name in named if name is not None and not name.startswith("unit:")]


def _find_text(answer: Story, reader: Reader) -> list[str]:
    lines = [
        f"{printable(mention.path)}:{mention.line}: [{reader.read(_TIES[mention.tie])}] {printable(mention.text, 2000)}"
        for mention in answer.mentions
    ]
    return [*lines, *_ending(answer, reader)]


def _story_text(answer: Story, reader: Reader) -> list[str]:
    rows = [
        (
            reader.time(mention.at).isoformat(sep=" ", timespec="milliseconds") if mention.at is not None else "-",
            mention.layer,
            _knew(mention, reader),
            f"{printable(mention.path)}:{mention.line}, {reader.read(_TIES[mention.tie])}",
        )
        for mention in answer.mentions
    ]
    meant = [f"=> {reader.read(message)}" for message in answer.outcomes]
    return [*(table(rows, "") if rows else []), *meant, *_ending(answer, reader)]


def _knew(mention: Mention, reader: Reader) -> str:
    if mention.request is not None:
        return printable(" ".join(_facts(mention.request, reader)), 200)
    return printable(mention.error.message if mention.error else mention.text, 200)


def _facts(request: Request, reader: Reader) -> list[str]:
    """Return what a request line knew, in few words."""
    seconds = [("in", request.duration_s), (reader.read(say("first byte")), request.first_byte_s)]
    words = [reader.read(say("began"))] if request.event == "start" else [str(request.status or "-")]
    words += [f"{name} {value:.3f} s" for name, value in seconds if value is not None]
    named = [("user", request.user), ("client", request.client), ("model", request.model), ("error", request.error)]
    words += [part for part in (request.method, request.path) if part]
    words += [f"{name}={value}" for name, value in named if value]
    upstream = (request.upstream_addr, request.upstream_status, request.upstream_time)
    words += ["upstream " + " ".join(part for part in upstream if part)] if any(upstream) else []
    tokens = (request.prompt_tokens, request.completion_tokens)
    words += [f"tokens={tokens[0]}+{tokens[1]}"] if None not in tokens else []
    return words


def _ending(answer: Story, reader: Reader) -> list[str]:
    lines = [reader.read(problem) for problem in answer.problems]
    text: Message = say("{n} lines in {files} files", n=len(answer.mentions), files=len(answer.files))
    if not answer.mentions:
        text = say("no line about this request in {files} files", files=len(answer.files))
    return [*lines, reader.read(text)]


def _json(answer: Story, reader: Reader) -> dict[str, Any]:
    return {
        "request_id": answer.request_id,
        "mentions": [
            {
                "at": moment(mention.at, reader.zone),
                "layer": mention.layer,
                "tie": mention.tie,
                "path": shown(mention.path),
                "line": mention.line,
                "text": shown(mention.text),
                "request": _clean(mention.request),
                "error": _clean(mention.error),
            }
            for mention in answer.mentions
        ],
        "outcomes": [str(message) for message in answer.outcomes],
        "files": [shown(path) for path in answer.files],
        "problems": [str(problem) for problem in answer.problems],
    }


def _clean(told: Request | Any | None) -> dict[str, Any] | None:
    if told is None:
        return None
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    return {
        name: shown(value) if isinstance(value, str) else value for name, value in values.items() if value is not None
    }
