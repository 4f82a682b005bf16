"""`opskit lab`: up, down, what is in it, break and heal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tabulate import tabulate

from opskit.cli.options import Options
from opskit.cli.output import out, out_json, plain_context, say_aside
from opskit.lab.answering import answers
from opskit.lab.drill import break_in as bring_in
from opskit.lab.drill import heal as take_out
from opskit.lab.drill import is_well, users_ask
from opskit.lab.faults import faults
from opskit.lab.plan import API_KEY, MODEL, Plan
from opskit.lab.record import LabError, Record, found, home, locked, order
from opskit.lab.stack import Stack, fresh
from opskit.model.message import say
from opskit.model.reader import Reader

_FIRST_USERS = 6  # so that the model is loaded, and the logs are those of a service that somebody uses


def up(options: Options, directory: Path | None, **wanted: Any) -> int:
    """Start it and say where everything is; `wanted` are the choices of a Plan."""
    reader = plain_context(options).reader
    with locked():
        earlier = found()
        if earlier is not None and earlier.alive():
            raise LabError(say("a lab is up in {folder}: opskit lab down ends it", folder=earlier.plan.directory))
        if earlier is not None:
            Stack(earlier).down()  # the remains of one that died
        folder = (directory or home() / "stack").absolute()
        stack = fresh(folder, **wanted)
        plan = stack.plan
        stack.up()
        try:
            users_ask(stack, _FIRST_USERS if plan.engine == "scripted" else 1)
            well = is_well(stack)
        except BaseException:  # Ctrl-C too: what was started has to end
            stack.down()
            raise
    out(_parts(stack.record, reader))
    out("")
    out(reader.read(say("A question, as a user of the API asks it:")))
    out(_curl(plan))
    out(reader.read(say("Next: opskit check, opskit lab break FAULT, opskit triage, opskit lab heal, opskit lab down")))
    if not well:
        out(reader.read(say("users are not served yet: opskit triage says why")))
    return 0 if well else 3


def status(options: Options, *, as_json: bool) -> int:
    """3 where no lab is up, or a part of it does not answer."""
    context = plain_context(options)
    record = found()
    if record is None:
        if as_json:
            out_json({"up": False, "parts": []})
        else:
            out(context.reader.read(say("no lab is up: opskit lab up starts one")))
        return 3
    rows = _rows(record)
    if as_json:
        out_json(_as_json(record, rows, context.reader))
    else:
        out(_parts(record, context.reader))
        if record.broken:
            out(context.reader.read(say("faults that are in: {faults}", faults=", ".join(record.broken))))
        if not record.alive():
            out(context.reader.read(say("this lab has died: opskit lab down clears it away")))
    return 0 if all(row["state"] == "answers" for row in rows) else 3


def list_faults(options: Options, *, as_json: bool) -> int:
    """A table for people, the whole registry for machines."""
    reader = plain_context(options).reader
    if as_json:
        out_json(
            [
                {
                    "id": name,
                    "layer": fault.layer,
                    "cause": fault.cause,
                    "control": fault.control,
                    "does": reader.read(fault.does),
                    "seen": reader.read(fault.seen),
                    "catalogue": list(fault.catalogue),
                }
                for name, fault in faults().items()
            ]
        )
        return 0
    rows = [[name, fault.layer, fault.cause or "-", reader.read(fault.does)] for name, fault in faults().items()]
    heads = [say("FAULT"), say("LAYER"), say("CAUSE"), say("WHAT IS DONE")]
    out(tabulate(rows, [reader.read(head) for head in heads], tablefmt="plain", disable_numparse=True))
    return 0


def break_in(options: Options, ids: tuple[str, ...]) -> int:
    """Bring faults in and say what the users will notice."""
    context = plain_context(options)
    with locked():
        stack = running()
        bring_in(stack, ids)
    for name in ids:
        fault = faults()[name]
        out(f"{name}: {context.reader.read(fault.does)}")
        out("  " + context.reader.read(say("users see: {what}", what=fault.seen)))
    say_aside(context, say("opskit lab heal takes it out again"))
    return 0


def heal(options: Options) -> int:
    """Take all faults out."""
    context = plain_context(options)
    with locked():
        stack = running()
        well = take_out(stack)
    out(_parts(stack.record, context.reader))
    if not well:
        out(context.reader.read(say("users are not served yet: opskit triage says why")))
    return 0 if well else 3


def down(options: Options) -> int:
    """Stop it; one that is not there is down already."""
    context = plain_context(options)
    with locked():
        record = found()
        if record is None:
            out(context.reader.read(say("no lab is up")))
            return 0
        Stack(record).down()
    out(context.reader.read(say("the lab in {folder} is down; its logs are still there", folder=record.plan.directory)))
    return 0


def running() -> Stack:
    """Return this user's lab. Raises LabError where none is up."""
    record = found()
    if record is None:
        raise LabError(say("no lab is up: opskit lab up starts one"))
    if not record.alive():
        raise LabError(say("this lab has died: opskit lab down clears it away"))
    return Stack(record)


def _rows(record: Record) -> list[dict[str, object]]:
    plan = record.plan
    rows = [_row(part, _state(record, part), plan.urls[part], plan.logs[part]) for part in order(backwards=True)]
    for row in rows:
        part = str(row["part"])
        row["port"], row["pid"] = plan.port_of(part), record.running[part].pid if part in record.running else None
    library, kernel = plan.library / "libnvidia-ml.so.1", plan.logs["kernel"]
    rows.append(_row("gpu", "answers" if library.exists() else "down", str(library), plan.library / "state"))
    rows.append(_row("kernel", "answers" if kernel.exists() else "down", "-", kernel))
    return rows


def _row(part: str, state: str, url: str, log: Path) -> dict[str, object]:
    return {"part": part, "state": state, "url": url, "port": None, "pid": None, "log": str(log)}


def _state(record: Record, part: str) -> str:
    state = record.state_of(part)
    if state != "up":
        return state
    return "answers" if answers(part, record.plan.port_of(part)) else "silent"


def _parts(record: Record, reader: Reader) -> str:
    heads = [reader.read(head) for head in (say("PART"), say("STATE"), say("WHERE"), say("LOG"))]
    rows = [[row["part"], row["state"], row["url"], row["log"]] for row in _rows(record)]
    return tabulate(rows, heads, tablefmt="plain", disable_numparse=True)


def _as_json(record: Record, rows: list[dict[str, object]], reader: Reader) -> dict[str, object]:
    plan = record.plan
    return {
        "up": record.alive(),
        "directory": plan.directory,
        "config": str(plan.config_file),
        "profile": plan.profile,
        "engine": plan.engine,
        "since": reader.time(record.started_at).isoformat(),
        "ca_file": str(plan.ca_file),
        "api_key_file": str(plan.key_file),
        "faults": list(record.broken),
        "parts": rows,
    }


def _curl(plan: Plan) -> str:
    body = f'{{"model":"{MODEL}","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
    return (
        f"  curl -N --cacert {os.fspath(plan.ca_file)} -H 'X-Api-Key: {API_KEY}' "
        f"{plan.urls['nginx']}v1/chat/completions -d '{body}'"
    )
