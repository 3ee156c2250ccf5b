"""One JetStream stream as a log: append, read back, purge. JetStream's API in JSON, and its errors."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from sens.stream.connection import REQUEST_TIMEOUT_S, NoResponders, StreamConnection
from sens.stream.errors import (
    NO_MESSAGE_FOUND,
    StreamAway,
    StreamFull,
    StreamMissing,
    StreamRefused,
    from_api,
)
from sens.stream.link import Message, status

API = "$JS.API"
BATCH_BYTES = 4 * 1024 * 1024
BATCH_TIMEOUT_S = 30.0
SUBJECTS_PER_BATCH = 500  # the server answers for 1,024 at most
EXPECTED_STREAM = "Nats-Expected-Stream"
EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
_TRIES, _TRY_EVERY_S = 10, 0.1
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


class Stored(NamedTuple):
    """A message of the log.

    Attributes:
        sequence: its number in the stream, from 1.
        subject: where it was published.
        data: its bytes; only the first ones where the call says so.
        stored_at: µs since 1970 UTC, by the server's clock.
        operation: the KV operation ("DEL", "PURGE") of a bucket's marker, else empty.
    """

    sequence: int
    subject: str
    data: bytes
    stored_at: int
    operation: str = ""


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Refusal(msgspec.Struct):
    error: _Error | None = None


class _PublishAnswer(msgspec.Struct):
    seq: int = 0
    error: _Error | None = None


class State(msgspec.Struct):
    """What a stream holds."""

    messages: int
    bytes: int
    first_seq: int
    last_seq: int
    subjects: dict[str, int] = {}


class Info(msgspec.Struct):
    """JetStream's description of a stream. `config` is kept whole, to be sent back in an update."""

    config: dict[str, Any]
    state: State
    created: str
    ts: datetime = _EPOCH_START
    total: int = 0


class _Purged(msgspec.Struct):
    purged: int = 0


class _Read(msgspec.Struct):
    subject: str
    seq: int
    time: datetime
    data: bytes = b""
    hdrs: bytes = b""


class _ReadAnswer(msgspec.Struct):
    message: _Read


_T = TypeVar("_T")
_refusal = msgspec.json.Decoder(_Refusal)
_published = msgspec.json.Decoder(_PublishAnswer)
encode = msgspec.json.encode


def microseconds(moment: datetime) -> int:
    """µs since 1970 UTC."""
    since = moment - _EPOCH_START
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


async def call(connection: StreamConnection, verb: str, body: object, answer: type[_T]) -> _T:
    """Ask JetStream's API, for instance `STREAM.INFO.<name>`.

    Raises:
        StreamAway, StreamFull, StreamMissing, SequenceMismatch, StreamRefused: by what it answers.
    """
    message = await connection.request(f"{API}.{verb}", encode(body))
    error = _refusal.decode(message.data).error
    if error is not None:
        raise from_api(error.code, error.err_code, error.description)
    return msgspec.json.decode(message.data, type=answer)


class StreamLog:
    """A stream by name. Holds no state: all of it is on the server."""

    def __init__(self, connection: StreamConnection, name: str) -> None:
        self.connection = connection
        self.name = name

    # --- the stream itself

    async def info(self) -> Info:
        """The stream's configuration and state, without subjects.

        Raises:
            StreamMissing: there is no such stream.
        """
        return await call(self.connection, f"STREAM.INFO.{self.name}", {}, Info)

    async def subjects(self, pattern: str) -> tuple[Info, dict[str, int]]:
        """Messages per subject that matches the pattern."""
        found: dict[str, int] = {}
        while True:
            body = {"subjects_filter": pattern, "offset": len(found)}
            info = await call(self.connection, f"STREAM.INFO.{self.name}", body, Info)
            found |= info.state.subjects
            if not info.state.subjects or len(found) >= info.total:
                return info, found

    async def create(self, config: dict[str, Any]) -> Info:
        """Make the stream; if it is there already, however configured, describe it."""
        for _ in range(_TRIES):
            try:
                return await self._create(config)
            except (StreamRefused, StreamFull):
                # Both also pass: the server counts the room of those that make it at once for each of them, and takes
                # a moment to clear away one that was deleted.
                with suppress(StreamMissing):
                    return await self.info()
            await asyncio.sleep(_TRY_EVERY_S)
        return await self._create(config)

    async def _create(self, config: dict[str, Any]) -> Info:
        return await call(self.connection, f"STREAM.CREATE.{self.name}", {"name": self.name, **config}, Info)

    async def update(self, config: dict[str, Any]) -> Info:
        """Give the stream this whole configuration."""
        return await call(self.connection, f"STREAM.UPDATE.{self.name}", config, Info)

    # --- writing

    async def append(
        self,
        subject: str,
        data: bytes,
        *,
        expect_last: int | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> int:
        """Store a message and return its sequence.

        Args:
            expect_last: the sequence that the subject's last message must have; 0: there must be none.

        Raises:
            SequenceMismatch, StreamFull, StreamMissing, PayloadTooLarge: it was not stored.
            StreamAway: it may have been stored or not.
        """
        headers = {EXPECTED_STREAM: self.name, **(headers or {})}
        if expect_last is not None:
            headers[EXPECTED_LAST] = str(expect_last)
        try:
            message = await self.connection.request(subject, data, headers=headers, timeout_s=timeout_s)
        except NoResponders:
            await self.info()  # tells a stream that is gone from a JetStream that is not up
            raise
        answer = _published.decode(message.data)
        if answer.error is not None:
            raise from_api(answer.error.code, answer.error.err_code, answer.error.description)
        return answer.seq

    async def purge(self, subject: str, before_sequence: int) -> int:
        """Remove the subject's messages with lower sequences. Returns how many."""
        if before_sequence <= 1:
            return 0  # to the server a missing sequence means: all
        body = {"filter": subject, "seq": before_sequence}
        return (await call(self.connection, f"STREAM.PURGE.{self.name}", body, _Purged)).purged

    # --- reading

    async def last(self, subject: str) -> Stored | None:
        """The last message of a subject, or of those that match a pattern, as the stream's leader knows it."""
        return await self._read({"last_by_subj": subject})

    async def get(self, sequence: int) -> Stored | None:
        """The message with that sequence; None if it is gone or never was."""
        return await self._read({"seq": sequence}) if sequence > 0 else None

    async def _read(self, what: dict[str, Any]) -> Stored | None:
        message = await self.connection.request(f"{API}.STREAM.MSG.GET.{self.name}", encode(what))
        error = _refusal.decode(message.data).error
        if error is not None:
            if error.err_code == NO_MESSAGE_FOUND:
                return None
            raise from_api(error.code, error.err_code, error.description)
        read = msgspec.json.decode(message.data, type=_ReadAnswer).message
        return Stored(read.seq, read.subject, read.data, microseconds(read.time), _operation(read.hdrs))

    async def batch(self, what: dict[str, Any], head_bytes: int | None = None) -> tuple[list[Stored], dict[str, str]]:
        """A direct read of several messages, of about `BATCH_BYTES` at most.

        Args:
            what: `seq` or `start_time` with `next_by_subj`, or `multi_last`.
            head_bytes: keep only so many bytes of each.

        Returns:
            The messages, and the headers of the message that ended them.
        """
        body = encode({"max_bytes": BATCH_BYTES, **what})
        messages, end = await self.connection.request_batch(
            f"{API}.DIRECT.GET.{self.name}", body, timeout_s=BATCH_TIMEOUT_S
        )
        code, headers = status(end), end.headers or {}
        if code not in ("204", "404"):
            raise StreamAway(f"NATS could not read {self.name}: {code} {headers.get('Description', '')}")
        return [_stored(message, head_bytes) for message in messages], headers

    async def lasts(self, pattern: str, head_bytes: int | None = None) -> list[Stored]:
        """The last message of each subject that matches, none older than the call."""
        info, found = await self.subjects(pattern)
        names = sorted(found)
        lasts: list[Stored] = []
        for start in range(0, len(names), SUBJECTS_PER_BATCH):
            some = names[start : start + SUBJECTS_PER_BATCH]
            lasts += await self._lasts_of(some, info.state.last_seq, head_bytes)
        return lasts

    async def _lasts_of(self, names: list[str], last_sequence: int, head_bytes: int | None) -> list[Stored]:
        lasts: dict[str, Stored] = {}
        while missing := [name for name in names if name not in lasts]:
            some, end = await self.batch({"multi_last": missing}, head_bytes)
            if int(end.get("Nats-UpTo-Sequence", last_sequence)) < last_sequence:
                raise StreamAway(f"the replica of {self.name} that answered is behind its leader; ask again")
            if not some:
                break  # removed meanwhile
            lasts |= {stored.subject: stored for stored in some}
        return list(lasts.values())


def _operation(raw_headers: bytes) -> str:
    for line in raw_headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"KV-Operation":
            return value.strip().decode()
    return ""


def _stored(message: Message, head_bytes: int | None) -> Stored:
    headers = message.headers or {}
    return Stored(
        int(headers["Nats-Sequence"]),
        headers["Nats-Subject"],
        message.data if head_bytes is None else message.data[:head_bytes],
        microseconds(datetime.fromisoformat(headers["Nats-Time-Stamp"])),
        headers.get("KV-Operation", ""),
    )
