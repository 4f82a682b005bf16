"""Xids as events: waited for, delivered once, and never those from before."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.lab.gpu.cards import INIT, Cards

SET = "globals().update(s=n.nvmlEventSetCreate(), XID=n.nvmlEventTypeXidCriticalError)"
REGISTER = "[n.nvmlDeviceRegisterEvents(h(k), XID, s) for k in (0, 1)]"
WAIT = "(lambda e: [n.nvmlDeviceGetIndex(e.device), e.eventType, e.eventData])(n.nvmlEventSetWait_v2(s, {}))"


def xid(cards: Cards, line: str) -> str:
    return f"open({str(cards.files[2])!r}, 'a').write('{line}\\n') and None"


def test_an_xid_is_delivered_once(cards: Cards) -> None:
    cards.set(**{"gpu0.xid": "13 1"})
    steps = {
        SET: None,
        "n.nvmlDeviceGetSupportedEventTypes(h(0)) & XID": 8,
        REGISTER: [None, None],
        WAIT.format(60): "!10",  # the one from before is lost
        xid(cards, "gpu1.xid 31 1"): None,
        WAIT.format(5000): [1, 8, 31],
        WAIT.format(61): "!10",
        xid(cards, "gpu0.xid 79 2"): None,
        WAIT.format(5001): [0, 8, 79],
        xid(cards, "gpu0.xid 79 3"): None,  # the same code again is a new event
        WAIT.format(5002): [0, 8, 79],
        "n.nvmlEventSetFree(s)": None,
        WAIT.format(62): "!2",
    }
    assert cards.ask(*steps) == list(steps.values())


def test_a_waiting_reader_is_woken(cards: Cards) -> None:
    script = f"""
import json, pynvml as n
h = n.nvmlDeviceGetHandleByIndex
{INIT}; {SET}; {REGISTER}
print("ready", flush=True)
print(json.dumps({WAIT.format(15000)}))
"""
    reader = subprocess.Popen([sys.executable, "-c", script], env=cards.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        cards.set(**{"gpu1.xid": "119 1"})
        assert json.loads(reader.communicate(timeout=10)[0]) == [1, 8, 119]
    finally:
        reader.kill()
        reader.wait()


def test_the_xid_of_a_card_that_is_lost_is_heard_before_the_loss(cards: Cards) -> None:
    lose = xid(cards, "gpu0.xid 79 1\\ngpu0.all !15")
    on_both = "(lambda e: [e.eventType, e.eventData])(n.nvmlEventSetWait_v2(s, 2000))"
    assert cards.ask(SET, REGISTER, lose, on_both, on_both)[-2:] == [[8, 79], "!15"]


def test_registration_asks_for_what_the_card_supports(cards: Cards) -> None:
    cards.set(**{"gpu0.events": 0x2, "gpu1.events": "!3"})
    wrong = ["n.nvmlDeviceRegisterEvents(h(0), XID, s)", "n.nvmlDeviceRegisterEvents(h(1), XID, s)"]
    unset = "n.nvmlDeviceRegisterEvents(h(0), 2, n.c_nvmlEventSet_t())"
    assert cards.ask(SET, *wrong, unset, "n.nvmlDeviceRegisterEvents(h(0), 2, s)")[1:] == ["!3", "!3", "!2", None]


def test_failures_and_hangs_can_be_scripted_for_events_too(cards: Cards) -> None:
    cards.set(nvmlEventSetWait_v2="!999")
    assert cards.ask(SET, REGISTER, WAIT.format(50))[-1] == "!999"
    assert cards.set(nvmlEventSetCreate="!4").ask("n.nvmlEventSetCreate()") == ["!4"]
