"""The promise to users: two hundred of them at once."""

from __future__ import annotations

import asyncio

import httpx

from tests.lab.gateway.running import KEY, Gateway, events, question, said
from tests.lab.gateway.scripted_ollama import ScriptedOllama, Step, item, last

USERS = 200
TOKENS = 20


async def ask_all(url: str) -> list[str]:
    """All users ask at once; return what each got."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:

        async def ask(user: int) -> str:
            headers = {"X-Api-Key": KEY, "X-User-Id": f"u{user}"}
            answer = await client.post(url, json=question("hi", stream=True), headers=headers)
            assert answer.status_code == 200
            return answer.text

        return await asyncio.gather(*map(ask, range(USERS)))


def test_200_users_at_once_get_every_token(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(first_byte_timeout_seconds=30)
    steps: list[Step] = [0.2]
    for number in range(TOKENS):
        steps += [item(f"{number} "), 0.1]
    ollama.steps = (*steps, last())
    texts = asyncio.run(ask_all(f"{gateway.url}/v1/chat/completions"))
    whole = "".join(f"{number} " for number in range(TOKENS))
    for text in texts:
        found = events(text)
        assert (said(found), found[-1]) == (whole, "[DONE]")
    gateway.end(USERS)
    started, ended = gateway.events("request.start"), gateway.events("request.end")
    assert len({line["request_id"] for line in started}) == len(started) == len(ended) == USERS
    assert {line["user_id"] for line in ended} == {f"u{user}" for user in range(USERS)}
    assert {line["status"] for line in ended} == {200}
