"""One question for all who ask at the same time."""

import asyncio

import pytest

from sens.platform_api.together import Together


class Server:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked = list[str]()
        self.ready = asyncio.Event()

    async def answer(self, key: str) -> str:
        self.asked.append(key)
        await self.ready.wait()
        if key == "bad":
            raise ValueError(key)
        return key.upper()


KEYS = ("a", "b", "bad") * 3


async def test_those_who_ask_the_same_meanwhile_get_one_answer_or_failure():
    server, together = Server(), Together[str, str]()
    asking = [
        asyncio.create_task(together.ask(key, lambda key=key: server.answer(key))) for key in ("a", "b", "bad") * 3
    ]
    await asyncio.sleep(0)
    server.ready.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert server.asked == ["a", "b", "bad"]
    assert list(map(str, answers)) == ["A", "B", "bad"] * 3
    assert await together.ask("a", lambda: server.answer("a")) == "A"
    assert server.asked == ["a", "b", "bad", "a"]


async def test_who_leaves_ends_it_for_nobody_else():
    server, together = Server(), Together[str, str]()
    leaving, staying = (asyncio.create_task(together.ask("a", lambda: server.answer("a"))) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    server.ready.set()
    assert await staying == "A"
    with pytest.raises(asyncio.CancelledError):
        await leaving
