"""A JetStream key-value bucket: one last value per key. The layout is NATS's own, `nats kv` reads it."""

import re
from datetime import datetime
from typing import Any, NamedTuple

from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamMissing
from sens.stream.streamlog import Stored, StreamLog, microseconds

_KEY = re.compile(r"[-/_=.a-zA-Z0-9]+")
_REMOVED = {"KV-Operation": "DEL"}


class Entry(NamedTuple):
    """What a key holds.

    Attributes:
        key: without the bucket.
        revision: grows with each change of any key; what `expect` compares.
        value: None for a removed key.
        written_at: µs since 1970 UTC, by the server's clock.
    """

    key: str
    revision: int
    value: bytes | None
    written_at: int


class Bucket:
    """A bucket by name. It is made on first use, and again whenever it is gone."""

    def __init__(self, connection: StreamConnection, name: str, *, ttl_s: float = 0) -> None:
        self._log = StreamLog(connection, f"KV_{name}")
        self._root = f"$KV.{name}."
        self._replicas = connection.replicas or 1
        self._ttl_s = ttl_s

    async def ensure(self) -> None:
        """Make the bucket if it is not there.

        Raises:
            StreamRefused: the server will not make it.
        """
        await self._log.create(self._config())

    def _config(self) -> dict[str, Any]:
        return {
            "subjects": [f"{self._root}>"],
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_age": int(self._ttl_s * 1_000_000_000),
            "duplicate_window": int(min(self._ttl_s or 120, 120) * 1_000_000_000),
            "num_replicas": self._replicas,
            "allow_direct": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
        }

    def subject(self, key: str) -> str:
        """The subject that the key's changes are published on.

        Raises:
            ValueError: no such key can be.
        """
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key: letters, digits and -/_=. make one")
        return self._root + key

    async def put(self, key: str, value: bytes, *, expect: int | None = None) -> int:
        """Write the key's value and return its revision.

        Args:
            expect: the revision that the key must have now, that of its removal included; 0: never written.

        Raises:
            SequenceMismatch: it has another.
        """
        return await self._write(key, value, expect, None)

    async def remove(self, key: str, *, expect: int | None = None) -> int:
        """Remove the key; returns the revision of the mark that stays in its place. Raises: as `put()`."""
        return await self._write(key, b"", expect, _REMOVED)

    async def _write(self, key: str, value: bytes, expect: int | None, headers: dict[str, str] | None) -> int:
        subject = self.subject(key)
        try:
            return await self._log.append(subject, value, expect_last=expect, headers=headers)
        except StreamMissing:
            await self.ensure()
            return await self._log.append(subject, value, expect_last=expect, headers=headers)

    async def get(self, key: str) -> Entry | None:
        """What the key holds; None if it was never written."""
        try:
            stored = await self._log.last(self.subject(key))
        except StreamMissing:
            await self.ensure()
            return None
        return None if stored is None else self._entry(stored)

    async def entries(self) -> tuple[list[Entry], int]:
        """All keys that are not removed, and the server's time now in µs since 1970 UTC."""
        try:
            stored = await self._log.lasts(f"{self._root}>")
            now: datetime = (await self._log.info()).ts
        except StreamMissing:
            await self.ensure()
            return [], 0
        return [self._entry(each) for each in stored if not each.operation], microseconds(now)

    def _entry(self, stored: Stored) -> Entry:
        value = None if stored.operation else stored.data
        return Entry(stored.subject.removeprefix(self._root), stored.sequence, value, stored.stored_at)
