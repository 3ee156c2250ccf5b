"""Passwords: hashed and checked by argon2id, off the event loop and a few at once, as each takes 64 MiB and a core."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sens.platform_api.problems import ProblemError, ProblemType

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
AT_ONCE: Final = 2
MAX_WAITING: Final = 16
"""Beyond them a request is turned away: who floods the login must not make the others wait."""


class Passwords:
    """Hashes and checks passwords, with the library's parameters unless others are given."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """What to keep of the password.

        Raises:
            ProblemError: too many wait already.
        """
        return await self._in_turn(password, None)

    async def fits(self, hash_: str | None, password: str) -> bool:
        """Whether it is the password; for no hash the answer is no, and takes as long.

        Raises:
            ProblemError: too many wait already.
        """
        if self._nobodys is None:
            self._nobodys = await self.hash("nobody has this password")
        return bool(await self._in_turn(password, hash_ or self._nobodys)) and hash_ is not None

    def outdated(self, hash_: str) -> bool:
        """Whether the hash was made with weaker parameters than those of today."""
        return self._hasher.check_needs_rehash(hash_)

    async def _in_turn(self, password: str, hash_: str | None) -> str:
        if self._waiting >= MAX_WAITING:
            raise ProblemError(ProblemType.TOO_MANY_LOGINS, "very many log in at once: try again in a moment")
        self._waiting += 1
        try:
            async with self._turns:
                if hash_ is None:
                    return await asyncio.to_thread(self._hasher.hash, password)
                return await asyncio.to_thread(self._verified, hash_, password)
        finally:
            self._waiting -= 1

    def _verified(self, hash_: str, password: str) -> str:
        """The hash where the password fits, else nothing."""
        try:
            self._hasher.verify(hash_, password)
        except (VerificationError, InvalidHashError):
            return ""
        return hash_
