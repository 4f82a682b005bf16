"""The people of the lab: each asks from an address of their own, and notices what became of the question."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Self

import msgspec

from opskit.lab.faults import Asks, Outcome
from opskit.lab.plan import API_KEY, MODEL, Plan

_SLOW_S = 3.0  # the promise to users is a first token within 1.2 s; the contract calls an answer suspect above 3 s
_BURST_SHARE = 0.85
_BURST_S = 0.5
_PEOPLE = 240
_LONG = " Please keep this in mind." * 310
_QUESTIONS = (
    "How do I centre a block in CSS?",
    "Write a haiku about rain.",
    "What is the capital of Mongolia?",
    "Explain TCP slow start in two sentences.",
    "请用一句话解释什么是反向代理。",
    "给我一个番茄炒蛋的做法。",
)


class Noticed(msgspec.Struct, frozen=True):
    """What one user saw. Times in seconds since the question; `first_s` is that of the first word of the answer."""

    user: str
    outcome: Outcome
    status: int = 0
    first_s: float | None = None
    total_s: float = 0.0
    text: str = ""
    reason: str = ""


class _Answer(msgspec.Struct):
    status: int = 0
    first_s: float | None = None
    text: str = ""
    whole: bool = False


def ask(
    plan: Plan, number: int, asks: Asks = "chat", patience: float = 6.0, leave_after: float | None = None
) -> Noticed:
    """Ask one question through Nginx as user `number`, and say what became of it. Never raises for what the net does.

    With `leave_after` the user closes the page after so many seconds.
    """
    user, started, answer = f"user{number:03d}", time.monotonic(), _Answer()
    limit = patience if leave_after is None else leave_after
    connection = _connection(plan, number, limit)
    try:
        _send(connection, number, user, asks)
        connection.sock.settimeout(max(0.05, started + limit - time.monotonic()))
        response = connection.getresponse()
        answer.status = response.status
        for line in _lines(response, connection, started + limit):
            _take(line, answer, time.monotonic() - started)
    except TimeoutError:
        return _noticed(user, answer, started, "wait", f"gave up after {limit:g} s")
    except (OSError, http.client.HTTPException) as error:
        return _noticed(user, answer, started, "cut" if answer.text else "error", str(error) or type(error).__name__)
    finally:
        connection.close()
    noticed = _noticed(user, answer, started, None, "")
    if asks == "long" and noticed.outcome in {"fine", "slow", "burst"} and not _to_the_point(plan, number, answer.text):
        return msgspec.structs.replace(noticed, outcome="beside")
    # The reference site buffers streams under TLS: that is how it is when nothing else is wrong.
    usual = noticed.outcome == "burst" and plan.changed("nginx").get("profile", plan.profile) == "reference"
    return msgspec.structs.replace(noticed, outcome=_pace(noticed.first_s, noticed.total_s)) if usual else noticed


def look(plan: Plan) -> Noticed:
    """Open the page and say whether it is Clawdbot's."""
    started, connection = time.monotonic(), _connection(plan, 1, 5.0)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        page = response.read(65536).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return Noticed("user001", "error", reason=str(error))
    finally:
        connection.close()
    word: Outcome = "error" if response.status >= 500 else "fine" if "Clawdbot" in page else "foreign"
    return Noticed("user001", word, response.status, total_s=time.monotonic() - started)


def knock(plan: Plan, number: int, path: str = "/v1/chat/completions", method: str = "POST") -> int:
    """A stranger's request without a key; returns the status, 0 without one."""
    connection = _connection(plan, 9_000 + number, 5.0)
    try:
        connection.request(method, path, body=b"{}" if method == "POST" else None)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Crowd:
    """Users who keep asking in the background until the block ends, which waits for those still asking."""

    def __init__(self, plan: Plan, users: int, asks: Asks = "chat", patience: float = 6.0, seed: int = 0) -> None:
        """Nobody asks before the block begins."""
        self.noticed: list[Noticed] = []
        self._stop = threading.Event()
        self._plan, self._asks, self._patience = plan, asks, patience
        self._random = random.Random(seed)
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(users)]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for everybody."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self._patience + 10)

    def wait(self, answers: int, within_s: float) -> None:
        """Return when so many users have noticed something, or the time is over."""
        deadline = time.monotonic() + within_s
        while len(self.noticed) < answers and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def tally(self) -> Counter[str]:
        """How many noticed what."""
        return Counter(noticed.outcome for noticed in self.noticed)

    def _ask(self, number: int) -> None:
        pause = self._random.uniform(0.2, 0.5)
        while not self._stop.is_set():
            self.noticed.append(ask(self._plan, number % _PEOPLE, self._asks, self._patience))
            number += len(self._threads)  # another person each time: nobody meets the limit on requests of one
            self._stop.wait(pause)


def _connection(plan: Plan, number: int, timeout: float) -> http.client.HTTPSConnection:
    trust = ssl.create_default_context(cafile=str(plan.ca_file))
    source = (f"127.1.{number // 250 % 250}.{number % 250 + 1}", 0)
    cut = plan.changed("users").get("cut", False)
    return http.client.HTTPSConnection(
        "127.0.0.1",
        plan.ports.nowhere if cut else plan.ports.https,
        timeout=timeout,
        context=trust,
        source_address=source,
    )


def _send(connection: http.client.HTTPSConnection, number: int, user: str, asks: Asks) -> None:
    question = _QUESTIONS[number % len(_QUESTIONS)] + (_LONG if asks == "long" else "")
    headers = {"Content-Type": "application/json", "X-User-Id": user}
    if asks == "api":
        messages = [{"role": "user", "content": question}]
        body: object = {"model": MODEL, "messages": messages, "stream": True}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {**headers, "X-Api-Key": API_KEY})
    else:
        connection.request("POST", "/api/chat", json.dumps({"message": question}), headers)


def _lines(
    response: http.client.HTTPResponse, connection: http.client.HTTPSConnection, deadline: float
) -> Iterator[bytes]:
    """The lines of the body as they come; raises TimeoutError when the user's patience ends."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        line = response.readline(1 << 16)
        if not line:
            return
        yield line


def _take(line: bytes, answer: _Answer, at: float) -> None:
    if not line.startswith(b"data:"):
        return
    text = line[5:].strip()
    if text == b"[DONE]":
        answer.whole = True
        return
    try:
        event = json.loads(text)
        content = "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))
    except (ValueError, KeyError, AttributeError, TypeError):
        return
    if content and answer.first_s is None:
        answer.first_s = at
    answer.text += content


def _noticed(user: str, answer: _Answer, started: float, outcome: Outcome | None, reason: str) -> Noticed:
    total = time.monotonic() - started
    word = outcome or _word(answer, total)
    return Noticed(user, word, answer.status, answer.first_s, total, answer.text[:80], reason)


def _word(answer: _Answer, total: float) -> Outcome:
    if answer.status != 200:
        return "refused" if 400 <= answer.status < 500 else "error"
    if not answer.whole:
        return "cut"
    if not answer.text.strip() or answer.first_s is None:
        return "empty"
    if answer.first_s / total > _BURST_SHARE and total > _BURST_S:
        return "burst"
    return _pace(answer.first_s, total)


def _to_the_point(plan: Plan, number: int, text: str) -> bool:
    """Whether the answer is to the question: the scripted engine repeats how it began, of others nobody can say."""
    return plan.engine != "scripted" or _QUESTIONS[number % len(_QUESTIONS)][:12] in text


def _pace(first_s: float | None, total_s: float) -> Outcome:
    return "slow" if (first_s or 0.0) > _SLOW_S or total_s > 3 * _SLOW_S else "fine"
