"""The stream of raw envelopes, `SENS_RAW`: where a message is safe before its PUBACK."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import structlog

from sens.domain.envelope import EPOCH_BYTES, MAX_HEADER_BYTES, SUBJECT_ROOT
from sens.stream.connection import StreamConnection
from sens.stream.errors import StreamMissing, StreamRefused
from sens.stream.streamlog import Info, Stored, StreamLog

EPOCH_KEY = "sens-epoch"
ALL_SUBJECTS = f"{SUBJECT_ROOT}.>"
PUBLISH_TIMEOUT_S = 10.0
HEAD_BYTES = MAX_HEADER_BYTES + 64  # an envelope's header, and enough of a stub's body to read it
READ_ENVELOPES = 256

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# By these a stream removes, or refuses for ever, what nobody has consumed yet. Only `max_bytes` bounds ours.
_NO_LIMIT = {
    "max_age": 0,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "discard_new_per_subject": False,
    "no_ack": False,
}
_UNUSABLE = {
    "sealed": "it takes nothing any more",
    "mirror": "it takes only what its origin holds",
    "subject_transform": "messages would lie on other subjects than they were published to",
    "persist_mode": "it confirms before the disk has it",
}


@dataclass(frozen=True, slots=True)
class RawStreamSettings:
    """How the stream is to be.

    Attributes:
        max_bytes: size at which it takes no more; nothing old is removed to make room.
        name: of the stream.
    """

    max_bytes: int
    name: str = "SENS_RAW"


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the stream holds: messages per subject, and its limit in bytes."""

    messages: int
    bytes: int
    max_bytes: int
    first_sequence: int
    last_sequence: int
    subjects: dict[str, int]

    @property
    def fill(self) -> float:
        """How full it is, 0 to 1."""
        return _fill(self.bytes, self.max_bytes)


class RawStream:
    """The stream of raw envelopes. Made by `ensure()`.

    Attributes:
        epoch: 8 bytes, the life of the stream that running totals count in, as of the last `refresh()`.
    """

    def __init__(self, connection: StreamConnection, settings: RawStreamSettings) -> None:
        self.connection = connection
        self.settings = settings
        self.epoch = b""
        self._log = StreamLog(connection, settings.name)

    @classmethod
    async def ensure(cls, connection: StreamConnection, settings: RawStreamSettings) -> "RawStream":
        """Make the stream or bring it in line; processes that do so at once agree on the epoch.

        Raises:
            StreamRefused: a stream of that name is there and is of another kind.
            StreamAway, StreamFull: later, perhaps.
        """
        stream = cls(connection, settings)
        await stream.refresh()
        await stream.bring_in_line()
        return stream

    @property
    def name(self) -> str:
        return self.settings.name

    async def refresh(self) -> bytes:
        """Read the epoch again: the stream can be made anew or restored while we run. Makes it if it is gone.

        A limit that would remove or refuse what is not consumed is lifted, whoever set it.

        Raises: as `ensure()`.
        """
        try:
            info = await self._log.info()
        except StreamMissing:
            info = await self._log.create(
                _config(self.settings, self.connection.replicas) | {"metadata": {EPOCH_KEY: _new_epoch()}}
            )
        self._check(info)
        limits = {key: info.config[key] for key, none in _NO_LIMIT.items() if info.config.get(key, none) != none}
        if limits:
            log.warning("stream_limits_lifted", stream=self.name, limits=limits)
        wanted = _with_epoch(info) | {key: _NO_LIMIT[key] for key in limits}
        if wanted != info.config:
            info = await self._log.update(wanted)
        self.epoch = bytes.fromhex(info.config["metadata"][EPOCH_KEY])
        return self.epoch

    async def bring_in_line(self) -> None:
        """Give the stream our limits. Raises: as `ensure()`."""
        info = await self._log.info()
        wanted = info.config | {"max_bytes": self.settings.max_bytes, "allow_direct": True}
        if self.connection.replicas is not None:
            wanted["num_replicas"] = self.connection.replicas
        if wanted != info.config:
            await self._log.update(wanted)

    async def renew_epoch(self) -> bytes:
        """Start a new epoch: to be called after the stream was restored from a copy."""
        info = await self._log.info()
        metadata: dict[str, str] = info.config.get("metadata") or {}
        metadata = metadata | {EPOCH_KEY: _new_epoch()}
        await self._log.update(info.config | {"metadata": metadata})
        return await self.refresh()

    def _check(self, info: Info) -> None:
        for key, wanted in _config(self.settings, self.connection.replicas).items():
            found = info.config.get(key)
            if key in ("storage", "retention", "discard", "subjects") and found != wanted:
                raise StreamRefused(
                    f"stream {self.name} has {key} {found!r}, SENS needs {wanted!r}: "
                    "name another stream, or remove this one when it holds nothing you need"
                )
        for key, why in _UNUSABLE.items():
            if info.config.get(key) not in (None, False, "", "default"):
                raise StreamRefused(f"stream {self.name} has {key} set: {why}; name another stream, or remove this one")

    # --- writing

    async def publish(
        self, subject: str, data: bytes, *, expect_last: int, timeout_s: float = PUBLISH_TIMEOUT_S
    ) -> int:
        """Store an envelope, fsynced by the server before it answers; returns its sequence.

        Args:
            subject: `sens.raw.<source>.<session>`.
            expect_last: sequence of the subject's last envelope, 0 on a new subject.

        Raises:
            SequenceMismatch: another is the last one, perhaps this very envelope, by an earlier try: read it.
            StreamFull, StreamMissing, PayloadTooLarge: it was not stored.
            StreamAway: it may have been stored, or may yet be: try the same again.
        """
        return await self._log.append(subject, data, expect_last=expect_last, timeout_s=timeout_s)

    async def purge(self, subject: str, before_sequence: int) -> int:
        """Remove the subject's envelopes before that sequence, never its last one. Returns how many."""
        last = await self._log.last(subject)
        return 0 if last is None else await self._log.purge(subject, min(before_sequence, last.sequence))

    # --- reading

    async def last(self, subject: str) -> Stored | None:
        """The subject's last envelope."""
        return await self._log.last(subject)

    async def get(self, sequence: int) -> Stored | None:
        """The envelope with that sequence; None if it is gone or never was."""
        return await self._log.get(sequence)

    async def tails(self) -> list[Stored]:
        """The last envelope of each subject, cut after its header (`HEAD_BYTES`)."""
        return await self._log.lasts(ALL_SUBJECTS, HEAD_BYTES)

    async def state(self) -> StreamState:
        """What the stream holds."""
        info, subjects = await self._log.subjects(ALL_SUBJECTS)
        state = info.state
        max_bytes = info.config["max_bytes"]
        return StreamState(state.messages, state.bytes, max_bytes, state.first_seq, state.last_seq, subjects)

    async def fill(self) -> float:
        """How full the stream is, 0 to 1: a part of its state that costs the server nothing to tell."""
        info = await self._log.info()
        return _fill(info.state.bytes, info.config["max_bytes"])

    async def read(
        self,
        *,
        start_sequence: int = 1,
        start_at: int | None = None,
        end_sequence: int | None = None,
        end_at: int | None = None,
        subjects: str = ALL_SUBJECTS,
        batch: int = READ_ENVELOPES,
    ) -> AsyncIterator[Stored]:
        """Envelopes in order, a few MiB of them in memory at a time.

        Args:
            start_sequence, end_sequence: both included; no end means: what is there when the reading starts.
            start_at, end_at: µs since 1970 UTC, by when the server stored them; the end is excluded.
            subjects: only those that match.
            batch: how many the server sends at once; 1 for who wants only the first.

        Raises:
            StreamAway: go on with `start_sequence` after the last one received.
        """
        last = end_sequence or (await self._log.info()).state.last_seq
        what: dict[str, Any] = {"next_by_subj": subjects, "batch": batch}
        start: dict[str, Any] = {"seq": max(start_sequence, 1)}
        if start_at is not None:
            start = {"start_time": rfc3339(start_at)}
        while True:
            some, _ = await self._log.batch(what | start)
            for stored in some:
                if stored.sequence > last or (end_at is not None and stored.stored_at >= end_at):
                    return
                if stored.sequence >= start_sequence:
                    yield stored
            if not some or some[-1].sequence >= last:
                return
            start = {"seq": some[-1].sequence + 1}


def _fill(held_bytes: int, max_bytes: int) -> float:
    return held_bytes / max_bytes if max_bytes > 0 else 0.0


def _config(settings: RawStreamSettings, replicas: int | None) -> dict[str, Any]:
    return {
        "subjects": [ALL_SUBJECTS],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_bytes": settings.max_bytes,
        "num_replicas": replicas or 1,
        "allow_direct": True,
        "duplicate_window": 1_000_000_000,  # ns; unused: the expected sequence does better what it does
    }


def _with_epoch(info: Info) -> dict[str, Any]:
    """The stream's own configuration, with an epoch if a person made it without one."""
    metadata: dict[str, str] = info.config.get("metadata") or {}
    # From the stream's birth, so that processes that do this at once come to the same.
    born = blake2b(info.created.encode(), digest_size=EPOCH_BYTES).hexdigest()
    epoch = metadata.get(EPOCH_KEY, "")
    usable = len(epoch) == 2 * EPOCH_BYTES and set(epoch) <= set("0123456789abcdef")
    return info.config | {"metadata": metadata if usable else metadata | {EPOCH_KEY: born}}


def epoch_of(info: Info) -> bytes:
    """The stream's epoch.

    Raises:
        StreamMissing: it has none: no worker has brought it in line yet.
    """
    metadata: dict[str, str] = info.config.get("metadata") or {}
    if EPOCH_KEY not in metadata:
        raise StreamMissing(f"the stream {info.config['name']} is not ours yet; start a worker")
    return bytes.fromhex(metadata[EPOCH_KEY])


def _new_epoch() -> str:
    return secrets.token_hex(EPOCH_BYTES)


def rfc3339(moment: int) -> str:
    """µs since 1970 UTC as NATS takes a time."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).isoformat()
