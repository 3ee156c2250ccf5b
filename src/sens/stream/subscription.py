"""A subject that is listened to, whichever connection carries it."""

from collections.abc import Awaitable, Callable

from sens.stream.link import Deliver, Link


class Subscription:
    """A subject that is listened to over all reconnects, until `close()`."""

    def __init__(self, subject: str, deliver: Deliver, forget: Callable[["Subscription"], None]) -> None:
        self.subject = subject
        self.deliver = deliver
        self.link: Link | None = None
        self._forget = forget
        self._stop: Callable[[], Awaitable[None]] | None = None

    async def start(self, link: Link) -> None:
        self.link = link
        self._stop = await link.listen(self.subject, self.deliver)

    async def close(self) -> None:
        self._forget(self)
        if self._stop is not None:
            await self._stop()
