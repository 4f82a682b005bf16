"""The mail as bytes, and as a mail program reads it back."""

from __future__ import annotations

import base64
import random
import re
import string
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.model.printable import printable
from opskit.notify.channel import ChannelError, Notice
from opskit.notify.folding import WholeWords
from opskit.notify.mail import mail
from opskit.notify.mailbox import Mailbox, mailbox
from tests.notify.notices import NOTICE, notice

SENDER = mailbox("opskit <opskit@example.com>")
TO = (mailbox("ops@example.com"), mailbox("Duty <duty@example.com>"))
ENCODED_WORD = re.compile(rb"=\?[^? ]+\?[bqBQ]\?[^? ]*\?=")


def sent(what: Notice, sender: Mailbox = SENDER, to: tuple[Mailbox, ...] = TO) -> tuple[bytes, EmailMessage]:
    raw = mail(what, sender, to).as_bytes()
    return raw, message_from_bytes(raw, policy=policy.default)


def head_lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")


def test_the_whole_mail():
    raw, _ = sent(NOTICE)
    assert raw.decode("ascii").split("\r\n") == [
        "From: opskit <opskit@example.com>",
        "To: ops@example.com,",
        " Duty <duty@example.com>",
        "Subject: [opskit] llm-1: No GPU runs too hot",
        "Date: Mon, 23 Nov 2026 12:00:00 +0000",
        "Message-ID: <opskit.0123456789abcdef0123456789abcdef@llm-1.example.com>",
        "In-Reply-To: <opskit.incident.fedcba9876543210fedcba9876543210@llm-1.example.com>",
        "References: <opskit.incident.fedcba9876543210fedcba9876543210@llm-1.example.com>",
        "List-Id: opskit <alerts.llm-1.example.com>",
        "Auto-Submitted: auto-generated",
        "X-Opskit-Kind: problem",
        "X-Opskit-Check: gpu-temperature",
        "X-Opskit-Status: critical",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "MIME-Version: 1.0",
        "",
        "CRITICAL: No GPU runs too hot",
        "",
    ]


def _mixed_subjects() -> list[str]:
    chance = random.Random(20261123)
    words = [
        "GPU",
        "温度",
        "91°C",
        "显卡",
        "过热",
        "llm-1:",
        "网关响应缓慢超过三秒",
        "P95",
        "，",
        "磁盘满了。",
        "[opskit]",
    ]
    words += ["".join(chance.choices(string.ascii_letters, k=chance.randrange(1, 30))) for _ in range(8)]
    return [
        chance.choice([" ", " ", "", "  "]).join(chance.choices(words, k=chance.randrange(1, 18))).strip()
        for _ in range(200)
    ]


@pytest.mark.parametrize("subject", _mixed_subjects())
def test_a_mixed_subject_comes_back_as_it_was(subject: str):
    _subject_survives(subject)


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_subject_comes_back_with_its_control_characters_spelled_out(subject: str):
    _subject_survives(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?=0D=0ABcc:_all@example.com?=",
        "see =?utf-8?b?5rip5bqm?= there",
        "x" * 300,
        "a" * 60 + "   " + "b" * 60,
        "hot\r\nBcc: all@example.com",
        "hot\x00\x0b\u2028\x85Bcc: all@example.com",
        "",
    ],
)
def test_a_malicious_or_odd_subject_stays_a_subject(subject: str):
    _subject_survives(subject)


def _subject_survives(subject: str) -> None:
    raw, back = sent(notice(subject=subject))
    assert back["Subject"] == printable(subject).strip()
    assert set(back.keys()) == set(mail(NOTICE, SENDER, TO).keys())
    lines = head_lines(raw)
    assert all(len(word) <= 75 for line in lines for word in ENCODED_WORD.findall(line))
    assert all(len(line) <= 78 for line in lines if not line.startswith((b"In-Reply-To", b"References")))
    assert b"?==?" not in raw


@pytest.mark.parametrize(
    "name",
    ["运维值班", "GPU 告警 监控", "O'Brien, Pat", 'the "duty" phone', "back\\slash", "Ünal"],
)
def test_names_of_people_come_back_as_they_were(name: str):
    raw, back = sent(NOTICE, Mailbox(name, "opskit@example.com"), (Mailbox(name, "a@example.com"), *TO))
    assert back["From"].addresses[0].display_name == name
    assert back["From"].addresses[0].addr_spec == "opskit@example.com"
    assert [one.addr_spec for one in back["To"].addresses] == ["a@example.com", "ops@example.com", "duty@example.com"]
    assert back["To"].addresses[0].display_name == name
    assert all(len(line) <= 78 for line in head_lines(raw) if not line.startswith((b"In-Reply-To", b"References")))


def test_a_name_of_several_lines_is_one_name():
    raw, _ = sent(NOTICE, Mailbox("值班" * 30, "opskit@example.com"))
    # The older reader of the standard library: the newer one adds blanks between the encoded words of a name.
    name, address = parseaddr(message_from_bytes(raw)["From"])
    assert str(make_header(decode_header(name))) == "值班" * 30
    assert address == "opskit@example.com"
    assert all(len(word) <= 75 for word in ENCODED_WORD.findall(raw))


@pytest.mark.parametrize(
    "text", ["CRITICAL: 显卡过热\n\n  显卡 0：91 °C\n", "ascii only\n" + "long " * 300 + "\n", ".\n"]
)
def test_the_body_is_ascii_on_the_wire_and_comes_back_as_it_was(text: str):
    raw, back = sent(notice(text=text))
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 90
    assert back.get_content().replace("\r\n", "\n") == text


def test_a_page_stands_beside_the_text_with_its_pictures_inside():
    png = base64.b64encode(b"\x89PNG not really").decode()
    what = notice(page='<p>过热</p><img src="cid:chart1">', pictures={"chart1": png})
    raw, back = sent(what)
    assert raw.isascii()
    assert back.get_content_type() == "multipart/alternative"
    text, related = back.iter_parts()
    assert text.get_content().splitlines() == ["CRITICAL: No GPU runs too hot"]
    assert related.get_content_type() == "multipart/related"
    page, picture = related.iter_parts()
    assert page.get_content().strip() == '<p>过热</p><img src="cid:chart1">'
    assert (picture["Content-ID"], picture.get_content_type()) == ("<chart1>", "image/png")
    assert picture.get_content() == b"\x89PNG not really"
    # one without pictures is an alternative alone
    _, plain = sent(notice(page="<p>x</p>"))
    assert [part.get_content_type() for part in plain.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_notice_has_the_same_message_id_whenever_it_is_written():
    later = msgspec.structs.replace(NOTICE, written=NOTICE.written.replace(hour=18))
    assert mail(NOTICE, SENDER, TO)["Message-ID"] == mail(later, SENDER, TO)["Message-ID"]


@pytest.mark.parametrize(
    ("host", "domain"),
    [("gpu_host", "gpu-host"), ("主机", "localhost"), ("", "localhost"), ("a" * 63 + ".example.com", None)],
)
def test_an_odd_host_name_still_makes_a_message_id_in_one_piece(host: str, domain: str | None):
    raw, _ = sent(notice(host=host))
    assert f"Message-ID: <opskit.{NOTICE.seed}@{domain or host}>\r\n".encode() in raw


@pytest.mark.parametrize("name", ["Subject", "X-Opskit-Check", "List-Id"])
def test_a_header_of_several_lines_is_refused_whoever_writes_it(name: str):
    message = EmailMessage(policy=WholeWords())
    with pytest.raises(ValueError, match=f"the header {name} would have several lines"):
        message[name] = "one\nBcc: all@example.com"


def test_a_check_cannot_add_headers():
    _, back = sent(notice(check="x\r\nBcc: all@example.com 温度"))
    assert back["Bcc"] is None
    assert back["X-Opskit-Check"] == "x\\x0d\\x0aBcc: all@example.com \\u6e29\\u5ea6"


@pytest.mark.parametrize(
    "text", ["ops@example.com", "root", "On call <ops+night@example.com>", "值班 <a.b@example.com>"]
)
def test_an_address_is_read(text: str):
    assert text in (mailbox(text).address, f"{mailbox(text).name} <{mailbox(text).address}>")


def test_quotes_around_a_name_are_not_part_of_it():
    assert mailbox(r'"the \"duty\" phone" <a@example.com>') == Mailbox('the "duty" phone', "a@example.com")


@pytest.mark.parametrize(
    "text", ["", "a b", "a@", "<>", "a@b\r\nRCPT TO:<c@d>", "a@例子.com", "运维@example.com", "a@b>,<c@d"]
)
def test_what_is_no_address_is_refused_for_good(text: str):
    with pytest.raises(ChannelError, match="is not a mail address") as caught:
        mailbox(text)
    assert caught.value.permanent
