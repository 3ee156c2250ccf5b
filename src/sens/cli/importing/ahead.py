"""Working ahead: items are made in a thread while those before them are being used."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")


class _End:
    """Behind the last item."""


_END: Final = _End()


def ahead(items: Iterator[T], count: int) -> Generator[T]:
    """The same items, of which up to `count` are made before they are asked for.

    Raises: what making them raises.
    """

    def make() -> T | _End:
        return next(items, _END)

    with ThreadPoolExecutor(1, "ahead") as thread:
        waiting = deque(thread.submit(make) for _ in range(count))
        while not isinstance(item := waiting.popleft().result(), _End):
            waiting.append(thread.submit(make))
            yield item
