"""A subject that is listened to, whichever connection carries it."""

from collections.abc import Callable

from sens.stream.link import Deliver, Link, Stop


class Subscription:
    """A subject that is listened to over all reconnects, until `close()`."""

    def __init__(self, subject: str, deliver: Deliver, forget: Callable[["Subscription"], None]) -> None:
        self.subject = subject
        self.deliver = deliver
        self.link: Link | None = None
        self._forget = forget
        self._stop: Stop | None = None

    async def start(self, link: Link) -> None:
        self.link = link
        self._stop = await link.listen(self.subject, self.deliver)

    async def close(self, *, drain: bool = False) -> None:
        """End it; `drain`: what is on its way is still delivered before this returns."""
        self._forget(self)
        if self._stop is not None:
            await self._stop(drain=drain)
