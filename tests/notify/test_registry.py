"""Every channel of the registry exists and keeps the contract."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from opskit.notify.channel import Channel
from opskit.notify.email_channel import EmailChannel
from opskit.notify.registry import CHANNELS, RECEIVERS, channel_class, receiver_class
from opskit.notify.submission import Receiver


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_every_channel_can_be_loaded_and_sends_notices(name: str):
    found = channel_class(name)
    assert inspect.signature(found.send).parameters.keys() == inspect.signature(Channel.send).parameters.keys()


@pytest.mark.parametrize("name", sorted(RECEIVERS))
def test_every_receiver_can_be_loaded_and_takes_results(name: str):
    found = receiver_class(name)
    assert inspect.signature(found.submit).parameters.keys() == inspect.signature(Receiver.submit).parameters.keys()


def test_a_channel_is_found_by_its_name():
    assert channel_class("email") is EmailChannel
    with pytest.raises(KeyError):
        channel_class("pigeon")


def test_a_channel_is_loaded_only_when_it_is_asked_for():
    program = "import sys, opskit.notify.registry, opskit.notify.deliver; print('smtplib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("False\n", "")
