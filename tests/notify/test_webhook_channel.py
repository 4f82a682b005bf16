"""A notice posted to a real HTTP server, signed; and what becomes of each kind of answer."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from opskit.model.settings import WebhookSettings
from opskit.notify.channel import ChannelError
from opskit.notify.webhook_channel import WebhookChannel
from tests.notify.notices import NOTICE, notice
from tests.notify.web_receiver import Receiver


def refused(channel: WebhookChannel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        channel.send(NOTICE)
    return caught.value


def test_the_receiver_gets_facts_words_and_the_name_of_the_notice(receiver: Receiver):
    WebhookChannel(WebhookSettings(receiver.url)).send(NOTICE)
    ((_, headers, body),) = receiver.got
    assert json.loads(body) == {
        "schema": "opskit.notice/v1",
        "notice": NOTICE.seed,
        "kind": "problem",
        "status": "critical",
        "subject": "[opskit] llm-1: No GPU runs too hot",
        "text": "CRITICAL: No GPU runs too hot\n",
    }
    assert (headers["Content-Type"], headers["Idempotency-Key"]) == ("application/json", NOTICE.seed)
    assert "X-Opskit-Signature" not in headers


def test_the_signature_is_over_time_stamp_and_body(receiver: Receiver, tmp_path: Path):
    key = tmp_path / "key"
    key.write_text("s3cret\n")
    channel = WebhookChannel(WebhookSettings(receiver.url, str(key)))
    channel.send(notice(text="显卡过热\n"))
    ((_, headers, body),) = receiver.got
    stamp = headers["X-Opskit-Timestamp"]
    assert stamp == str(int(NOTICE.written.timestamp()))
    expected = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Opskit-Signature"] == f"sha256={expected}"
    assert json.loads(body)["text"] == "显卡过热\n"


def test_a_repeated_notice_is_the_same_to_the_byte(receiver: Receiver):
    receiver.answers = [(503, b"")]
    channel = WebhookChannel(WebhookSettings(receiver.url))
    assert not refused(channel).permanent
    channel.send(NOTICE)
    first, second = receiver.got
    assert first[2] == second[2]
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"]


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(400, True), (404, False), (410, True), (408, False), (429, False), (500, False), (302, False)],
)
def test_what_speaks_of_this_notice_is_for_good_the_rest_is_tried_again(receiver: Receiver, code: int, permanent: bool):
    receiver.answers = [(code, b"no\x1b[2J key=sk-abcdefghijklmnopqrstuvwxyz123456")]
    error = refused(WebhookChannel(WebhookSettings(receiver.url)))
    assert error.permanent is permanent
    assert str(error).startswith(f"the webhook answers {code}: {'' if code == 302 else 'no'}")
    assert "abcdefghijklmnop" not in str(error)
    assert "\x1b" not in str(error)
    assert len(receiver.got) == 1  # a redirect is not followed: what is signed is for this address


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver):
    receiver.answers = [(500, b"x" * 10_000_000)]
    assert len(str(refused(WebhookChannel(WebhookSettings(receiver.url))))) < 300


def test_nobody_there_is_tried_again_and_a_missing_key_is_named(receiver: Receiver):
    error = refused(WebhookChannel(WebhookSettings("http://127.0.0.1:9/hook?token=s3cret", timeout=2.0)))
    assert not error.permanent
    assert str(error) == "the webhook got no notice: connection refused by http://127.0.0.1:9: nothing listens there"
    missing = refused(WebhookChannel(WebhookSettings(receiver.url, "$OPSKIT_NO_SUCH_KEY"), {}))
    assert not missing.permanent
    assert "OPSKIT_NO_SUCH_KEY" in str(missing)


def test_a_receiver_that_answers_a_letter_now_and_then_does_not_hold_up_the_sender():
    """The time is for the whole exchange: with one per read, this one would take for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def drip() -> None:
            with listener.accept()[0] as peer, suppress(OSError):
                for letter in itertools.cycle(b"HTTP/1.1 200 OK "):
                    peer.sendall(bytes([letter]))
                    if over.wait(0.2):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        error = refused(WebhookChannel(WebhookSettings(url, timeout=1.0)))
        over.set()
        thread.join()
    assert not error.permanent
    assert "no answer in time" in str(error)
