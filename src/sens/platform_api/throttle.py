"""Slows down whoever guesses: after a few free attempts each further one has to wait longer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sens.platform_api.problems import ProblemError, ProblemType

PER_USER: Final = 5
PER_ADDRESS: Final = 20
"""Attempts that need not wait."""
LONGEST_WAIT_S: Final = 60.0
FORGOTTEN_S: Final = 900.0
MAX_KEPT: Final = 10_000


@dataclass(slots=True)
class _Attempts:
    count: int = 0
    last_at: float = 0.0
    wait_until: float = 0.0


class Attempts:
    """Attempts by a name of what is attempted; only those of the last quarter of an hour, and at most `MAX_KEPT`."""

    def __init__(self, free: int, clock: Callable[[], float]) -> None:
        self._free = free
        self._clock = clock
        self._kept: dict[str, _Attempts] = {}

    def wait_s(self, name: str) -> float:
        """How long the next attempt has to wait; 0: not at all."""
        known = self._kept.get(name)
        return 0.0 if known is None else max(0.0, known.wait_until - self._clock())

    def count(self, name: str) -> None:
        """An attempt begins: whether it succeeds is not known yet, and others must not begin meanwhile for free."""
        now = self._clock()
        known = self._kept.pop(name, None)
        if known is None or now - known.last_at > FORGOTTEN_S:
            known = _Attempts()
        known.count, known.last_at = known.count + 1, now
        if known.count >= self._free:
            known.wait_until = now + min(2.0 ** (known.count - self._free), LONGEST_WAIT_S)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = known

    def take_back(self, name: str) -> None:
        """The last attempt succeeded, or was none."""
        known = self._kept.get(name)
        if known is not None:
            known.count, known.wait_until = max(known.count - 1, 0), 0.0

    def forget(self, name: str) -> None:
        """The attempt succeeded: those before were slips."""
        self._kept.pop(name, None)


class LoginThrottle:
    """Counts attempts to log in, by user and by address.

    From an address where a user has logged in before, the user's attempts are counted apart: a stranger who
    guesses at the name does not keep its owner out. Who shows a token instead of a name is no user: "".
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._users = Attempts(PER_USER, clock)
        self._addresses = Attempts(PER_ADDRESS, clock)
        self._at_home: dict[str, None] = {}

    def begin(self, user: str, address: str) -> None:
        """An attempt begins.

        Raises:
            ProblemError: it comes too early; `Retry-After` says when to come again.
        """
        name = self._name(user, address)
        wait_s = max(self._users.wait_s(name), self._addresses.wait_s(address))
        if wait_s > 0:
            seconds = int(wait_s) + 1
            raise ProblemError(
                ProblemType.TOO_MANY_LOGINS, f"try again in {seconds} s", headers={"Retry-After": str(seconds)}
            )
        self._users.count(name)
        self._addresses.count(address)

    def succeeded(self, user: str, address: str) -> None:
        """The attempt that began was right."""
        self._users.forget(self._name(user, address))
        self._addresses.take_back(address)
        self._at_home.pop(_at(user, address), None)
        while len(self._at_home) >= MAX_KEPT:
            del self._at_home[next(iter(self._at_home))]
        self._at_home[_at(user, address)] = None

    def _name(self, user: str, address: str) -> str:
        pair = _at(user, address)
        return pair if not user or pair in self._at_home else user


def _at(user: str, address: str) -> str:
    return f"{user}\n{address}"
