"""From a notice in a real outbox to a mail on a real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from opskit.history.codec import packed
from opskit.history.incident import Decided, NewNotice, Said
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.reader import Reader
from opskit.model.settings import EmailSettings
from opskit.model.status import Status
from opskit.notify.channel import Channel, Content, Notice
from opskit.notify.deliver import LEASE_S, NEWS_FOR_S, Ending, Outcome, backoff, deliver
from opskit.notify.email_channel import EmailChannel
from tests.history.builders import run
from tests.notify.authority import Authority
from tests.notify.mail_server import MailServer, Rules

OK, CRITICAL = Status.OK, Status.CRITICAL
NOON = 1_790_000_000.0
READER = Reader(UTC)


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def server(serve: Callable[..., MailServer], rules: Rules) -> MailServer:
    return serve(rules)


@pytest.fixture
def channels(server: MailServer, authority: Authority) -> dict[str, Channel]:
    settings = EmailSettings(
        to=("ops@example.com", "duty@example.com"),
        sender="opskit@example.com",
        port=server.port,
        ca_file=str(authority.ca_file),
        timeout=5.0,
    )
    return {"email": EmailChannel(settings)}


def tell(store: SqliteStore, at: float, check: str = "gpu", kind: str = "problem", channel: str = "email") -> None:
    """Put a notice about the incident of a check into the outbox; the first one opens it."""
    if not any(member.check == check for one in store.unsettled() for member in one.members):
        run(store, at, CRITICAL, OK, check)
    (incident,) = (one for one in store.unsettled() for member in one.members if member.check == check)
    content = packed(Content("llm-1", check, CRITICAL, f"[opskit] llm-1: {check}", f"{kind}: {check}\n"))
    said = Said(CRITICAL, (check,), at, incident.said.count + 1)
    assert store.decide(incident, Decided(at, "send", kind), said, NewNotice(kind, content), [channel])


def endings(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.notice.kind, outcome.ending.value) for outcome in outcomes]


def test_what_waits_is_mailed_once(store: SqliteStore, channels: dict[str, Channel], server: MailServer):
    tell(store, NOON)
    assert endings(deliver(store, channels, NOON + 1, READER)) == [("problem", "sent")]
    assert deliver(store, channels, NOON + 2, READER) == []
    tell(store, NOON + 60, kind="recovery")
    assert endings(deliver(store, channels, NOON + 61, READER)) == [("recovery", "sent")]
    problem, recovery = server.mails
    assert problem["Subject"] == recovery["Subject"] == "[opskit] llm-1: gpu"
    assert problem["References"] == recovery["References"]
    assert problem["Message-ID"] != recovery["Message-ID"]
    assert problem.get_content().splitlines() == ["problem: gpu"]


def test_a_whole_incident_in_one_round_is_told_in_order(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer
):
    for step, kind in enumerate(("problem", "eased", "recovery")):
        tell(store, NOON + step, kind=kind)
    assert [kind for kind, _ in endings(deliver(store, channels, NOON + 9, READER))] == ["problem", "eased", "recovery"]
    assert [mail["X-Opskit-Kind"] for mail in server.mails] == ["problem", "eased", "recovery"]


def test_a_refusal_for_now_is_tried_again_with_the_same_message_id(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.answers = ["451 4.7.1 greylisted"]
    tell(store, NOON)
    (outcome,) = deliver(store, channels, NOON, READER)
    assert (outcome.ending, outcome.retry_at) == (Ending.RETRY, NOON + 60)
    assert outcome.error == f"localhost:{server.port} refused the mail: 451 4.7.1 greylisted"
    assert store.incident_notices(1)[0].error == outcome.error
    assert deliver(store, channels, NOON + 59, READER) == []
    assert endings(deliver(store, channels, NOON + 60, READER)) == [("problem", "sent")]
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_a_connection_cut_after_the_mail_leads_to_the_same_mail_again(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.answers = ["cut"]
    tell(store, NOON)
    assert endings(deliver(store, channels, NOON, READER)) == [("problem", "retry")]
    assert endings(deliver(store, channels, NOON + 60, READER)) == [("problem", "sent")]
    first, second = server.raw
    assert first == second


def test_the_waits_double_from_a_minute_to_an_hour(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.answers = ["451 no"] * 9
    tell(store, NOON)
    now, waits = NOON, []
    while (outcome := deliver(store, channels, now, READER)[0]).retry_at is not None:
        waits.append(outcome.retry_at - now)
        now = outcome.retry_at
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (outcome.ending, outcome.notice.attempts) == (Ending.SENT, 9)
    assert backoff(100_000) == 3600


def test_a_refusal_for_good_is_parked_and_holds_up_nothing(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.answers = ["550 5.7.1 spam"]
    tell(store, NOON)
    tell(store, NOON + 1, kind="recovery")
    assert endings(deliver(store, channels, NOON + 2, READER)) == [("problem", "parked"), ("recovery", "sent")]
    parked = store.incident_notices(1)[0]
    assert (parked.sent_at, parked.dropped_at, parked.reason) == (None, NOON + 2, "refused")
    assert parked.error == f"localhost:{server.port} refused the mail: 550 5.7.1 spam"


def test_who_was_left_out_is_noted(store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules):
    rules.recipients = {"duty@example.com": "452 mailbox full"}
    tell(store, NOON)
    (outcome,) = deliver(store, channels, NOON + 2, READER)
    assert (outcome.ending, store.incident_notices(1)[0].error) == (Ending.SENT, outcome.error)
    assert outcome.error.endswith("refused recipients: duty@example.com: 452 mailbox full")


def test_who_was_left_out_for_now_gets_the_same_mail_alone_and_holds_up_nobody(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.recipients = {"duty@example.com": "452 mailbox full"}
    tell(store, NOON)
    tell(store, NOON + 1, "second")
    deliver(store, channels, NOON + 2, READER)
    assert deliver(store, channels, NOON + 61, READER) == []
    outcomes = deliver(store, channels, NOON + 62, READER)
    assert [(one.notice.channel, one.ending) for one in outcomes] == [("email duty@example.com", Ending.RETRY)] * 2
    rules.recipients = {}
    assert endings(deliver(store, channels, NOON + 200, READER)) == [("problem", "sent")] * 2
    first, _, again, _ = server.mails
    assert (first["Message-ID"], first["To"]) == (again["Message-ID"], again["To"])
    assert [envelope.rcpt_tos for envelope in server.envelopes] == [["ops@example.com"]] * 2 + [
        ["duty@example.com"]
    ] * 2


def test_who_was_left_out_never_hears_of_a_problem_behind_its_end(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.recipients = {"duty@example.com": "452 mailbox full"}
    tell(store, NOON)
    deliver(store, channels, NOON, READER)
    rules.recipients = {}
    tell(store, NOON + 30, kind="recovery")
    assert endings(deliver(store, channels, NOON + 90, READER)) == [("problem", "not-sent"), ("recovery", "sent")]
    assert server.envelopes[-1].rcpt_tos == ["ops@example.com", "duty@example.com"]
    late = next(one for one in store.incident_notices(1) if one.channel == "email duty@example.com")
    assert (late.sent_at, late.reason) == (None, "overtaken")


def test_who_was_left_out_for_good_or_is_no_recipient_any_more_is_not_tried_again(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.recipients = {"duty@example.com": "550 left the company"}
    tell(store, NOON)
    deliver(store, channels, NOON, READER)
    assert deliver(store, channels, NOON + 9000, READER) == []
    tell(store, NOON + 9001, "second")
    rules.recipients = {"duty@example.com": "452 mailbox full"}
    deliver(store, channels, NOON + 9001, READER)
    others = {"email": EmailChannel(EmailSettings(("ops@example.com",), "opskit@example.com", "localhost", 1))}
    (outcome,) = deliver(store, others, NOON + 9100, READER)
    assert (outcome.ending, outcome.error) == (Ending.PARKED, "duty@example.com is no recipient any more")


def test_a_notice_that_fails_holds_back_its_own_incident_only(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, rules: Rules
):
    rules.answers = ["451 later"]
    tell(store, NOON, "first")
    tell(store, NOON + 1, "first", kind="recovery")
    tell(store, NOON + 2, "second")
    outcomes = deliver(store, channels, NOON + 3, READER)
    assert [(one.notice.incident, one.ending) for one in outcomes] == [(1, Ending.RETRY), (2, Ending.SENT)]
    outcomes = deliver(store, channels, NOON + 63, READER)
    assert endings(outcomes) == [("problem", "sent"), ("recovery", "sent")]


def test_content_that_cannot_be_read_costs_only_itself(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer
):
    tell(store, NOON, "first")
    store._db.execute("UPDATE notices SET content = '{}'")
    tell(store, NOON + 1, "second")
    outcomes = deliver(store, channels, NOON + 3, READER)
    assert [one.ending for one in outcomes] == [Ending.RETRY, Ending.SENT]
    assert outcomes[0].error.startswith("this notice cannot be put into words: ")


def test_a_channel_that_was_away_for_days_tells_what_still_holds(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer
):
    for day, kind in enumerate(("problem", "more", "reminder")):
        tell(store, NOON + day * 86_400, kind=kind)
    outcomes = deliver(store, channels, NOON + 9 * 86_400, READER)
    assert endings(outcomes) == [("problem", "not-sent"), ("more", "not-sent"), ("reminder", "sent")]
    assert server.mails[0].get_content().splitlines()[-1] == "This message is 10080 minutes late."
    assert [one.reason for one in store.incident_notices(1)] == ["overtaken", "overtaken", None]


def test_what_is_superseded_today_is_still_news(store: SqliteStore, channels: dict[str, Channel], server: MailServer):
    tell(store, NOON)
    tell(store, NOON + 60, kind="recovery")
    assert endings(deliver(store, channels, NOON + NEWS_FOR_S, READER)) == [("problem", "sent"), ("recovery", "sent")]


def test_a_channel_that_is_no_longer_configured_gives_up_what_waits_for_it(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer
):
    tell(store, NOON, channel="webhook")
    assert endings(deliver(store, channels, NOON + 1, READER)) == [("problem", "not-sent")]
    assert store.incident_notices(1)[0].reason == "no-channel"


def test_a_worker_that_died_while_sending_is_replaced_after_its_lease(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer
):
    tell(store, NOON)
    assert store.claim(store.due(NOON)[0], NOON, LEASE_S)
    assert deliver(store, channels, NOON + LEASE_S, READER) == []
    assert endings(deliver(store, channels, NOON + LEASE_S + 1, READER)) == [("problem", "sent")]


def test_a_round_has_a_limit(store: SqliteStore, channels: dict[str, Channel], server: MailServer):
    for number in range(5):
        tell(store, NOON, f"check-{number}")
    assert len(deliver(store, channels, NOON, READER, limit=3)) == 3
    assert len(deliver(store, channels, NOON, READER, limit=3)) == 2
    assert len(server.mails) == 5


def test_two_workers_do_not_send_the_same_mail(
    store: SqliteStore, channels: dict[str, Channel], server: MailServer, tmp_path: Path
):
    class Meanwhile:
        """A channel on whose every mail a second worker makes its round."""

        def send(self, notice: Notice) -> None:
            with open_store(tmp_path / "history.db", NOON) as other:
                seconds.extend(deliver(other, channels, NOON, READER))
            channels["email"].send(notice)

    seconds: list[Outcome] = []
    tell(store, NOON, "first")
    tell(store, NOON, "second")
    firsts = deliver(store, {"email": Meanwhile()}, NOON, READER)
    assert [one.notice.incident for one in firsts] == [1]
    assert [one.notice.incident for one in seconds] == [2]
    assert len({mail["Message-ID"] for mail in server.mails}) == len(server.mails) == 2
