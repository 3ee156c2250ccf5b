"""One question to a server for all who want to know the same at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Questions under way. A thousand live streams that show one key ask for it at once."""

    def __init__(self) -> None:
        self._asked: dict[K, asyncio.Task[V]] = {}

    async def ask(self, key: K, question: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The answer to the question under that key, or its failure; who leaves ends it for nobody else."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(question())
            asked.add_done_callback(lambda answered: self._forget(key, answered))
        return await asyncio.shield(asked)

    def _forget(self, key: K, answered: asyncio.Task[V]) -> None:
        del self._asked[key]
        if not answered.cancelled():
            answered.exception()  # seen, also if all who asked have left
