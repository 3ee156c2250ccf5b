"""What a replay starts from: where envelopes are in the log, and messages whose bytes only quarantine has."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast
from uuid import UUID

from sens.domain.batch import Batch
from sens.domain.reasons import Reason
from sens.storage.arrays import uuids
from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.queries import load
from sens.storage.times import microseconds

_SQL = load("replay")
_NOT_WHOLE = (Reason.OVERSIZE.value, Reason.INVALID_ENVELOPE.value)


class OpenMessage(NamedTuple):
    """A message in quarantine, with what it takes to decode it again. `received_at` in µs since 1970 UTC."""

    quarantine_id: int
    source_id: int
    source: str
    session: str
    epoch: bytes
    envelope_id: bytes
    position: int
    received_at: int
    retained: bool
    topic: bytes
    payload: bytes
    reason: str

    @property
    def whole(self) -> bool:
        """Whether topic and payload are what the device sent: else there is nothing to decode."""
        return self.reason not in _NOT_WHOLE


def find_sequences(connection: Connection, envelope_ids: Sequence[bytes]) -> dict[bytes, int]:
    """Envelope id → stream sequence, of those that the ledger has a row for."""
    with translated():
        rows = connection.execute(_SQL["find_sequences"], {"ids": uuids(envelope_ids)}).fetchall()
    return {id_.bytes: sequence for id_, sequence in cast("list[tuple[UUID, int]]", rows)}


def open_message_ids(connection: Connection, envelope_ids: Sequence[bytes], only: Sequence[int] = ()) -> list[int]:
    """Rows that are open in quarantine of these envelopes, the oldest first.

    Args:
        only: of these rows; empty: of all.
    """
    parameters = {"ids": uuids(envelope_ids), "only": list(only) or None}
    with translated():
        return [cast("int", id_) for (id_,) in connection.execute(_SQL["open_message_ids"], parameters).fetchall()]


def open_message(connection: Connection, quarantine_id: int) -> OpenMessage | None:
    """An open row of quarantine; None if it is settled or gone."""
    with translated():
        row = connection.execute(_SQL["open_message"], {"id": quarantine_id}).fetchone()
    if row is None:
        return None
    found = OpenMessage(*row)  # pyright: ignore[reportArgumentType]
    return found._replace(
        session=found.session or "",
        epoch=found.epoch or b"",
        envelope_id=cast("UUID", row[5]).bytes,
        received_at=microseconds(row[7]),  # pyright: ignore[reportArgumentType]
    )


def expired_envelopes(connection: Connection, batch: Batch) -> set[bytes]:
    """Ids of known envelopes with messages that were not too old when they were stored, and are now.

    Their readings are counted, and deleted or about to be: a replay could only turn what was decoded into
    what was quarantined, or count it twice.
    """
    too_old = Counter[bytes](
        batch.envelopes[int(batch.message_envelope[q.message])].id
        for q in batch.quarantined
        if q.reason is Reason.OLDER_THAN_RETENTION
    )
    if not too_old:
        return set()
    parameters = {"ids": uuids(too_old), "reason": Reason.OLDER_THAN_RETENTION.value}
    with translated():
        rows = connection.execute(_SQL["count_quarantined"], parameters).fetchall()
    return {id_.bytes for id_, count in cast("list[tuple[UUID, int]]", rows) if count < too_old[id_.bytes]}
