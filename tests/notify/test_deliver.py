"""From a flip in a real outbox to a mail on a real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.reader import Reader
from opskit.model.settings import EmailSettings
from opskit.model.status import Status
from opskit.notify.channel import Channel, Notice
from opskit.notify.deliver import LEASE_S, Ending, Outcome, backoff, deliver
from opskit.notify.email_channel import EmailChannel
from tests.history.builders import CHECK, run
from tests.notify.authority import Authority
from tests.notify.mail_server import MailServer, Rules

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
NOON = 1_790_000_000.0
READER = Reader(UTC)


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def server(serve: Callable[..., MailServer], rules: Rules) -> MailServer:
    return serve(rules)


@pytest.fixture
def channel(server: MailServer, authority: Authority) -> EmailChannel:
    return EmailChannel(
        EmailSettings(
            to=("ops@example.com", "duty@example.com"),
            sender="opskit@example.com",
            port=server.port,
            ca_file=str(authority.ca_file),
            timeout=5.0,
        )
    )


def told(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.ending.value, outcome.reason) for outcome in outcomes]


def statuses(server: MailServer) -> list[str]:
    return [mail["X-Opskit-Status"] for mail in server.mails]


def test_a_problem_and_its_end_are_mailed_once_each(store: SqliteStore, channel: EmailChannel, server: MailServer):
    run(store, NOON, CRITICAL, OK)
    assert told(deliver(store, channel, NOON + 1, "llm-1", READER)) == [("sent", "problem")]
    assert deliver(store, channel, NOON + 2, "llm-1", READER) == []
    run(store, NOON + 60, OK, CRITICAL)
    assert told(deliver(store, channel, NOON + 61, "llm-1", READER)) == [("sent", "recovery")]
    problem, recovery = server.mails
    assert problem["Subject"] == recovery["Subject"] == "[opskit] llm-1: No GPU runs too hot"
    assert problem["References"] == recovery["References"]
    assert problem["Message-ID"] != recovery["Message-ID"]
    assert problem.get_content().startswith("CRITICAL: No GPU runs too hot")
    assert recovery.get_content().startswith("OK again: No GPU runs too hot")


def test_what_is_not_news_is_kept_with_its_reason(store: SqliteStore, channel: EmailChannel, server: MailServer):
    before = None
    for step, status in enumerate((OK, WARNING, UNKNOWN, OK)):
        run(store, NOON + step, status, before)
        before = status
    outcomes = deliver(store, channel, NOON + 9, "llm-1", READER)
    reasons = ["not-announced", "only-warning", "not-knowing", "not-announced"]
    assert told(outcomes) == [("not-sent", reason) for reason in reasons]
    assert [flip.reason for flip in store.flips(NOON, NOON + 9)] == reasons
    assert server.raw == []


def test_a_whole_incident_in_one_round_is_told_in_order(store: SqliteStore, channel: EmailChannel, server: MailServer):
    before = OK
    for step, status in enumerate((CRITICAL, WARNING, OK)):
        run(store, NOON + step, status, before)
        before = status
    outcomes = deliver(store, channel, NOON + 9, "llm-1", READER)
    assert told(outcomes) == [("sent", "problem"), ("sent", "eased"), ("sent", "recovery")]
    assert statuses(server) == ["critical", "warning", "ok"]


def test_a_refusal_for_now_is_tried_again_with_the_same_message_id(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.answers = ["451 4.7.1 greylisted"]
    run(store, NOON, CRITICAL, OK)
    (outcome,) = deliver(store, channel, NOON, "llm-1", READER)
    assert (outcome.ending, outcome.retry_at) == (Ending.RETRY, NOON + 60)
    assert outcome.error == f"localhost:{server.port} refused the mail: 451 4.7.1 greylisted"
    assert store.flips(NOON, NOON + 1)[0].error == outcome.error
    assert deliver(store, channel, NOON + 59, "llm-1", READER) == []
    assert told(deliver(store, channel, NOON + 60, "llm-1", READER)) == [("sent", "problem")]
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_a_connection_cut_after_the_mail_leads_to_the_same_mail_again(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.answers = ["cut"]
    run(store, NOON, CRITICAL, OK)
    assert told(deliver(store, channel, NOON, "llm-1", READER)) == [("retry", "problem")]
    assert told(deliver(store, channel, NOON + 60, "llm-1", READER)) == [("sent", "problem")]
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_the_waits_double_from_a_minute_to_an_hour(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.answers = ["451 no"] * 9
    run(store, NOON, CRITICAL, OK)
    now, waits = NOON, []
    while (outcome := deliver(store, channel, now, "llm-1", READER)[0]).retry_at is not None:
        waits.append(outcome.retry_at - now)
        now = outcome.retry_at
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (outcome.ending, outcome.flip.attempts) == (Ending.SENT, 9)
    assert backoff(100_000) == 3600


def test_a_refusal_for_good_is_parked_and_its_recovery_is_not_owed(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.answers = ["550 5.7.1 spam"]
    run(store, NOON, CRITICAL, OK)
    run(store, NOON + 1, OK, CRITICAL)
    assert told(deliver(store, channel, NOON + 2, "llm-1", READER)) == [
        ("parked", "problem"),
        ("not-sent", "not-announced"),
    ]
    parked = store.flips(NOON, NOON + 1)[0]
    assert (parked.sent_at, parked.dropped_at, parked.reason) == (None, NOON + 2, "refused")
    assert parked.error == f"localhost:{server.port} refused the mail: 550 5.7.1 spam"


def test_who_was_left_out_is_noted_and_the_others_hear_the_end(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.recipients = {"duty@example.com": "452 mailbox full"}
    run(store, NOON, CRITICAL, OK)
    run(store, NOON + 1, OK, CRITICAL)
    outcomes = deliver(store, channel, NOON + 2, "llm-1", READER)
    assert told(outcomes) == [("sent", "problem"), ("sent", "recovery")]
    assert store.flips(NOON, NOON + 1)[0].error == outcomes[0].error
    assert outcomes[0].error.endswith("refused recipients: duty@example.com: 452 mailbox full")


def test_a_flip_that_fails_holds_back_its_own_check_only(
    store: SqliteStore, channel: EmailChannel, server: MailServer, rules: Rules
):
    rules.answers = ["451 later"]
    run(store, NOON, CRITICAL, OK, "first")
    run(store, NOON + 1, OK, CRITICAL, "first")
    run(store, NOON + 2, CRITICAL, OK, "second")
    outcomes = deliver(store, channel, NOON + 3, "llm-1", READER)
    assert [(outcome.flip.check, outcome.ending) for outcome in outcomes] == [
        ("first", Ending.RETRY),
        ("second", Ending.SENT),
    ]
    outcomes = deliver(store, channel, NOON + 63, "llm-1", READER)
    assert told(outcomes) == [("sent", "problem"), ("sent", "recovery")]


def test_a_sentence_that_cannot_be_made_costs_only_itself(
    store: SqliteStore, channel: EmailChannel, server: MailServer
):
    run(store, NOON, CRITICAL, OK, "first")
    run(store, NOON + 1, OK, CRITICAL, "first")
    run(store, NOON + 2, CRITICAL, OK, "second")
    store.mark_sent(1, NOON)
    slipped = Reader(UTC, "zh", lambda text: text.replace("OK again: {summary}", "{summry}"))
    outcomes = deliver(store, channel, NOON + 3, "llm-1", slipped)
    assert [outcome.ending for outcome in outcomes] == [Ending.RETRY, Ending.SENT]
    assert outcomes[0].error == "This flip cannot be put into words: KeyError('summry')"


def test_a_channel_that_was_away_for_days_tells_what_still_holds(
    store: SqliteStore, channel: EmailChannel, server: MailServer
):
    before = OK
    for day, status in enumerate((CRITICAL, OK, CRITICAL)):
        run(store, NOON + day * 86_400, status, before)
        before = status
    outcomes = deliver(store, channel, NOON + 9 * 86_400, "llm-1", READER)
    assert told(outcomes) == [("not-sent", "overtaken"), ("not-sent", "overtaken"), ("sent", "problem")]
    assert "minutes late" in server.mails[0].get_content()


def test_a_worker_that_died_while_sending_is_replaced_after_its_lease(
    store: SqliteStore, channel: EmailChannel, server: MailServer
):
    run(store, NOON, CRITICAL, OK)
    assert store.claim(1, NOON, LEASE_S)
    assert deliver(store, channel, NOON + LEASE_S, "llm-1", READER) == []
    assert told(deliver(store, channel, NOON + LEASE_S + 1, "llm-1", READER)) == [("sent", "problem")]


def test_a_round_has_a_limit(store: SqliteStore, channel: EmailChannel, server: MailServer):
    for number in range(5):
        run(store, NOON, CRITICAL, OK, f"check-{number}")
    assert len(deliver(store, channel, NOON, "llm-1", READER, limit=3)) == 3
    assert len(deliver(store, channel, NOON, "llm-1", READER, limit=3)) == 2
    assert len(server.mails) == 5


def test_two_workers_do_not_send_the_same_mail(
    store: SqliteStore, channel: EmailChannel, server: MailServer, tmp_path: Path
):
    class Meanwhile:
        """A channel on whose every mail a second worker makes its round."""

        def send(self, notice: Notice) -> None:
            with open_store(tmp_path / "history.db", NOON) as other:
                seconds.extend(deliver(other, channel, NOON, "llm-1", READER))
            channel.send(notice)

    seconds: list[Outcome] = []
    run(store, NOON, CRITICAL, OK, "first")
    run(store, NOON, CRITICAL, OK, "second")
    first: Channel = Meanwhile()
    outcomes = deliver(store, first, NOON, "llm-1", READER)
    assert [outcome.flip.check for outcome in outcomes] == ["first"]
    assert [outcome.flip.check for outcome in seconds] == ["second"]
    assert len({mail["Message-ID"] for mail in server.mails}) == len(server.mails) == 2


def test_a_flip_of_a_check_that_never_changed_again_is_sent_once(
    store: SqliteStore, channel: EmailChannel, server: MailServer
):
    run(store, NOON, CRITICAL, OK)
    for minute in range(1, 10):
        run(store, NOON + 60 * minute, CRITICAL, CRITICAL)
        deliver(store, channel, NOON + 60 * minute, "llm-1", READER)
    assert statuses(server) == ["critical"]
    assert store.state(CHECK) is not None
