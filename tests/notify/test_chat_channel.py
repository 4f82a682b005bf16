"""A notice through the real apprise, to a real server."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from opskit.model.settings import ChatSettings
from opskit.notify.channel import ChannelError
from opskit.notify.chat_channel import ChatChannel
from tests.notify.notices import NOTICE
from tests.notify.web_receiver import Receiver

# apprise 2.3 loads a plugin with a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def channel(folder: Path, *lines: str) -> ChatChannel:
    addresses = folder / "chat"
    addresses.write_text("\n".join(lines) + "\n")
    return ChatChannel(ChatSettings(str(addresses)))


def refused(by: ChatChannel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        by.send(NOTICE)
    return caught.value


def test_every_address_of_the_file_gets_it(receiver: Receiver, tmp_path: Path):
    room = f"json://127.0.0.1:{receiver.port}"
    channel(tmp_path, "# the rooms", f"{room}/one", "", f"{room}/two").send(NOTICE)
    assert [path for path, _, _ in receiver.got] == ["/one", "/two"]
    told = json.loads(receiver.got[0][2])
    assert (told["title"], told["message"]) == ("[opskit] llm-1: No GPU runs too hot", "CRITICAL: No GPU runs too hot")


def test_who_has_it_is_not_told_again(receiver: Receiver, tmp_path: Path):
    receiver.answers = [(500, b""), (204, b"")]
    room = f"json://127.0.0.1:{receiver.port}"
    error = refused(channel(tmp_path, f"{room}/one", f"{room}/two"))
    assert (error.reached, error.permanent, str(error)) == (1, False, "of 2 chat addresses 1 took it")
    (left,) = error.left
    assert left.startswith("json-")
    assert "one" not in left
    receiver.got.clear()
    both = channel(tmp_path, f"{room}/two", f"{room}/one")
    both.send(msgspec.structs.replace(NOTICE, only=left))
    assert [path for path, _, _ in receiver.got] == ["/one"], "whoever was left out gets it alone, wherever it stands"
    gone = msgspec.structs.replace(NOTICE, only="json-00000000")
    with pytest.raises(ChannelError, match="json-00000000 is no recipient any more") as caught:
        both.send(gone)
    assert caught.value.permanent
    receiver.answers = [(500, b"")]
    assert refused(channel(tmp_path, f"{room}/one")).reached == 0


def test_what_is_wrong_with_the_file_is_told_without_what_stands_in_it(tmp_path: Path):
    wrong = refused(channel(tmp_path, "json://localhost", "pigeon://s3cret"))
    assert str(wrong) == f"apprise does not know the address in line 2 of {tmp_path}/chat"
    assert "there is no address in" in str(refused(channel(tmp_path, "# none")))
    assert "cannot be read" in str(refused(ChatChannel(ChatSettings(str(tmp_path / "none")))))
