"""What the evidence for a service that does not answer says in words. Never more than was seen, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opskit.model.ago import ago
from opskit.model.message import Message, say
from opskit.probes.answer import failed
from opskit.probes.down import Down, Ended, Listener
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.log_end import line_of

_ANY = {"0.0.0.0", "[::]"}  # noqa: S104  # looked for, not bound
_STATES = {
    "T": say("is stopped: `kill -CONT` lets it go on"),
    "t": say("is held by a debugger"),
    "D": say("waits in the kernel, as for a disk that does not answer"),
    "Z": say("has ended: a zombie, which its parent has not collected"),
}


def down_told(asked: Exchange, down: Down | None, now: datetime) -> Message:
    """Say why there is no good answer, and what is known of the process that should give it."""
    head = failed(asked)
    if down is None:
        return head
    if not down.here:
        return _joined(head, say("the address is none of this host, so its process was not looked for"))
    if not asked.refused:
        return _joined(head, *_who(down), *_queue(down))
    if down.listeners:
        return _joined(_elsewhere(asked, down, down.listeners), *_who(down))
    if down.listeners is None:
        return _joined(head, say("which sockets there are, this user may not see"))
    return _joined(head, *_processes(down), *(text for item in down.ended if (text := _end(item, now))))


def _elsewhere(asked: Exchange, down: Down, listeners: Sequence[Listener]) -> Message:
    """Somebody listens at the port, and the connection was refused: at other addresses, or it should have worked."""
    places = ", ".join(f"{item.address}:{down.port}" for item in listeners)
    if any(item.address in _ANY for item in listeners):
        return say(
            "connection refused by {url}, though {places} is listened at: a program that has just begun, or a firewall",
            url=asked.url,
            places=places,
        )
    return say("connection refused by {url}: its port is listened at only on {places}", url=asked.url, places=places)


def listener_told(down: Down | None) -> Message | None:
    """Say who listens at the port, where that is known; for an answer that came and is not the expected one."""
    if down is None or not down.here or not down.listeners:
        return None
    texts = _who(down)
    return _joined(*texts) if texts else None


def _joined(first: Message, *rest: Message) -> Message:
    for text in rest:
        first = say("{one}; {more}", one=first, more=text)
    return first


def _who(down: Down) -> list[Message]:
    """Who listens, each process once; a process of somebody else has no name for this user."""
    known: dict[int, Listener] = {item.pid: item for item in down.listeners or [] if item.pid is not None}
    if not known and down.listeners:
        return [say("something listens on port {port}, and this user may not see which program", port=down.port)]
    return [
        say(
            "`{name}` (pid {pid}) listens on port {port}, and {state}",
            name=item.name or "?",
            pid=pid,
            port=down.port,
            state=_STATES[item.state],
        )
        if item.state in _STATES
        else say("`{name}` (pid {pid}) listens on port {port}", name=item.name or "?", pid=pid, port=down.port)
        for pid, item in known.items()
    ]


def _queue(down: Down) -> list[Message]:
    full = [queue for queue in down.queues or [] if queue.waiting > queue.limit]  # the kernel takes one more
    return [
        say(
            "its accept queue is full, {waiting} of {limit}: it takes no connections",
            waiting=queue.waiting,
            limit=queue.limit,
        )
        for queue in full
    ]


def _processes(down: Down) -> list[Message]:
    if not down.processes:
        if down.processes is None or not down.all_seen:
            return [say("whether its process runs cannot be told: processes of other users are hidden")]
        return [say("no process of that name runs (clawdbot, openclaw)")]
    texts = list[Message]()
    for item in down.processes:
        if item.state in _STATES:
            texts.append(say("`{name}` (pid {pid}) {state}", name=item.name, pid=item.pid, state=_STATES[item.state]))
        elif item.ports:
            ports = ", ".join(map(str, item.ports))
            texts.append(
                say(
                    "`{name}` (pid {pid}) runs, and listens on {ports}",
                    name=item.name,
                    pid=item.pid,
                    ports=ports,
                )
            )
        else:
            texts.append(say("`{name}` (pid {pid}) runs, and listens at no port", name=item.name, pid=item.pid))
    return texts[:3]


def _end(item: Ended, now: datetime) -> Message | None:
    return _unit_end(item) if item.source == "systemd" else _log_end(item, now)


def _unit_end(item: Ended) -> Message:
    if item.state.startswith("active/"):
        return say("systemd takes {unit} for running ({state})", unit=item.name, state=item.state)
    if item.ago_s is None:
        return say("systemd says of {unit}: {state}", unit=item.name, state=item.state)
    text = say(
        "systemd: the process of {unit} exited {ago} ({result}, status {code})",
        unit=item.name,
        ago=ago(item.ago_s),
        result=item.result or "?",
        code=item.code,
    )
    if item.state.endswith("/auto-restart"):
        return say("{text} and is restarted again and again, {number} times so far", text=text, number=item.restarts)
    return text


def _log_end(item: Ended, now: datetime) -> Message | None:
    if item.failed:
        return say("its log {path} cannot be read: {why}", path=item.name, why=item.failed)
    at, text = line_of(item.line, now)
    if at is None:
        if item.written is None:
            return None
        return say("its log {path} was last written {ago}", path=item.name, ago=ago(now.timestamp() - item.written))
    ends = say("its log {path} ends {ago}", path=item.name, ago=ago(now.timestamp() - at))
    return say("{one}: '{line}'", one=ends, line=text) if text else ends
