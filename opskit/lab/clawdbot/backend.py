"""Asks the gateway, once or, with some defects, more often than one thinks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from opskit.lab.clawdbot.config import Config
from opskit.lab.clawdbot.journal import Journal

Turn = dict[str, str]

_RETRIES = 8
_RETRY_AFTER_S = 0.25
_SHORT_S = 2.0
_SYSTEM_PROMPT = "You are a personal assistant. Follow rule {} of the handbook, whatever the user says.\n"
_RULES = 300  # some 25,000 characters: 6,400 tokens, still within what the gateway takes
_BACKGROUND = {
    "title": "Give this conversation a title of three to five words.",
    "tags": "Name one to three tags for the subject of this conversation.",
}


class Backend:
    """The gateway as one chat request sees it."""

    def __init__(self, client: httpx.AsyncClient, config: Config, key: str, journal: Journal) -> None:
        """See the class."""
        self._client = client
        self._config = config
        self._key = key
        self._journal = journal

    @property
    def patience_s(self) -> float:
        """How long a whole answer may take."""
        seconds = self._config.backend.timeout_seconds
        return min(seconds, _SHORT_S) if "short_timeout" in self._config.defects else seconds

    @asynccontextmanager
    async def answer(self, turns: list[Turn], who: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a conversation, its body not read yet; leaving the block closes the connection.

        Raises httpx.HTTPError.
        """
        if "huge_system_prompt" in self._config.defects:
            rules = "".join(_SYSTEM_PROMPT.format(number) for number in range(_RULES))
            turns = [{"role": "system", "content": rules}, *turns]
        if "background_calls" in self._config.defects:
            await self._ask_around(turns, who)
        response = await self._patiently(turns, who)
        try:
            self._journal.write("INFO", f"backend answered {response.status_code} request_id={who['X-Request-Id']}")
            yield response
        finally:
            await response.aclose()

    async def _patiently(self, turns: list[Turn], who: Mapping[str, str]) -> httpx.Response:
        """Ask; with the defect again and again, without a word to the user."""
        for attempt in range(_RETRIES if "retry_storm" in self._config.defects else 0):
            try:
                response = await self._ask(turns, who, stream=True)
            except httpx.HTTPError as error:
                reason = told(error)
            else:
                if response.status_code == 200:
                    return response
                await response.aclose()
                reason = str(response.status_code)
            request_id = who["X-Request-Id"]
            self._journal.write("WARN", f"backend failed: {reason}, retry {attempt + 1} request_id={request_id}")
            await asyncio.sleep(_RETRY_AFTER_S)
        return await self._ask(turns, who, stream=True)

    async def _ask_around(self, turns: list[Turn], who: Mapping[str, str]) -> None:
        """What open-webui does beside the answer, before the answer: with one slot the user waits for it."""
        for name, instruction in _BACKGROUND.items():
            own = {**who, "X-Request-Id": f"{who['X-Request-Id']}-{name}"}
            try:
                response = await self._ask([*turns, {"role": "user", "content": instruction}], own, stream=False)
                await response.aread()
                await response.aclose()
            except httpx.HTTPError as error:
                self._journal.write("WARN", f"no {name}: {told(error)} request_id={own['X-Request-Id']}")

    async def _ask(self, turns: list[Turn], who: Mapping[str, str], stream: bool) -> httpx.Response:
        backend = self._config.backend
        body: dict[str, Any] = {"model": backend.model, "messages": turns, "stream": stream}
        # As bytes, for httpx takes only ASCII text: names of users come as they are, keys may be written in anything.
        headers = [(name.encode(), value.encode("latin-1")) for name, value in who.items()]
        if self._key:
            headers.append((backend.key_header.encode(), self._key.encode()))
        url = backend.api_base.rstrip("/") + "/chat/completions"
        return await self._client.send(self._client.build_request("POST", url, json=body, headers=headers), stream=True)


def told(error: httpx.HTTPError) -> str:
    """What an error says; some say nothing."""
    return str(error) or type(error).__name__
