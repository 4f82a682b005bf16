"""`opskit alerts`: what is decided, said and kept quiet."""

from __future__ import annotations

import getpass
import platform
import uuid
from contextlib import closing

import click

from opskit.app.announce import decision_now
from opskit.app.clock import epoch, now
from opskit.app.context import Context
from opskit.app.memory import open_memory
from opskit.app.tell import channels_of
from opskit.app.window import point
from opskit.cli.options import Options
from opskit.cli.output import context_of, out, out_json
from opskit.definitions.scalars import duration
from opskit.history.incident import Ack, Silence
from opskit.history.sqlite import SqliteStore
from opskit.model.message import Message, say
from opskit.model.status import Status
from opskit.notify.channel import ChannelError, Content, Notice
from opskit.report.alerts_json import explained_json, incident_json, silence_json
from opskit.report.alerts_text import Explained, alerts_text, explained_text


def listed(options: Options, /, since: str, only_open: bool, as_json: bool) -> int:
    """Print the incidents of a span."""
    context, moment = context_of(options), now()
    try:
        begin = point(since, moment)
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from None
    at = moment.timestamp()
    with closing(open_memory(context)) as store:
        found = [one for one in store.incidents(begin, at + 1) if not only_open or one.closed_at is None]
        silences = store.silences(at)
    if as_json:
        out_json(
            {
                "incidents": [incident_json(one, context.reader) for one in found],
                "silences": [silence_json(one, context.reader) for one in silences],
            }
        )
    else:
        out(alerts_text(found, silences, at, context.reader))
    return 0


def ack(options: Options, /, number: int, lasts: str, note: str, undo: bool) -> int:
    """Acknowledge, or take it back."""
    context, at = context_of(options), epoch()
    until = at + _seconds(lasts)
    with closing(open_memory(context)) as store:
        incident = store.incident(number)
        if incident is None:
            raise _no_incident(number, store)
        known = incident.worst if incident.flaps else incident.status
        noted = None if undo else Ack(until, known, _me(), note, at)
        if not store.acknowledge(number, noted):
            raise click.UsageError(f"incident {number} is over: there is nothing to acknowledge")
    if undo:
        _say(context, say("incident {id} is no longer acknowledged", id=number))
    else:
        when = context.reader.stamp(until)
        _say(context, say("incident {id} is acknowledged until {when}, unless it gets worse", id=number, when=when))
    return 0


def silence(options: Options, /, pattern: str | None, lasts: str, note: str, ended: int | None) -> int:
    """Begin a silence, or end one."""
    context, at = context_of(options), epoch()
    if (pattern is None) == (ended is None):
        raise click.UsageError("name a check to silence, or --end NUMBER")
    with closing(open_memory(context)) as store:
        if ended is not None:
            if not store.end_silence(ended, at):
                raise click.UsageError(f"there is no silence {ended} that is not over: opskit alerts list shows them")
            _say(context, say("silence {id} is over", id=ended))
            return 0
        one = Silence(0, pattern or "*", at, at + _seconds(lasts), _me(), note)
        _insist_on_a_check(context, one)
        number = store.silence(one)
    when = context.reader.stamp(one.until)
    text = say("silence {id}: nothing is sent about {checks} until {when}", id=number, checks=one.pattern, when=when)
    _say(context, text)
    return 0


def _insist_on_a_check(context: Context, one: Silence) -> None:
    """A pattern that no check has is a slip: the mails would go on, and nobody would know why."""
    known = sorted(context.checks())
    if not any(one.covers(check) for check in known):
        raise click.UsageError(f"no check matches {one.pattern!r}; there are {', '.join(known)}")


def explain(options: Options, /, number: int, as_json: bool) -> int:
    """Print the story of an incident."""
    context = context_of(options)
    with closing(open_memory(context)) as store:
        incident = store.incident(number)
        if incident is None or not incident.members:
            raise _no_incident(number, store)
        found = Explained(
            incident,
            tuple(store.incident_flips(number)),
            tuple(store.decisions(number)),
            tuple(store.incident_notices(number)),
            None if incident.settled else decision_now(context, store, incident),
        )
    if as_json:
        out_json(explained_json(found, context.reader))
    else:
        out(explained_text(found, context.reader))
    return 0


def test(options: Options, channel: str) -> int:
    """Send a test, past the outbox: whoever asks wants to see it work now."""
    context = context_of(options)
    channels = channels_of(context)
    if channel not in channels:
        known = ", ".join(channels) or "none: see notify in opskit.yaml"
        raise click.UsageError(f"there is no channel {channel!r} in the configuration; there are {known}")
    host, reader = platform.node(), context.reader
    seed = uuid.uuid4().hex
    text = reader.read(say("This is a test of opskit on {host}: nothing is wrong.", host=host)) + "\n"
    subject = reader.read(say("[opskit] {host}: a test", host=host))
    facts = {"kind": "test", "host": host, "status": Status.OK.value, "at": epoch()}
    notice = Notice(seed, seed, "test", Content(host, "", Status.OK, subject, text, facts), now())
    try:
        channels[channel].send(notice)
    except ChannelError as error:
        _say(context, say("{channel}: not accepted: {why}", channel=channel, why=error.message))
        return 2
    _say(context, say("{channel}: accepted", channel=channel))
    return 0


def _no_incident(number: int, store: SqliteStore) -> click.UsageError:
    known = ", ".join(str(one.id) for one in store.incidents(0, epoch() + 1)[-5:]) or "none"
    return click.UsageError(f"there is no incident {number}; the newest are {known}")


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"


def _say(context: Context, message: Message) -> None:
    out(context.reader.read(message))
