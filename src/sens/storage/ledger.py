"""The database's side of the ledger: rows, their sums and the highest totals seen in the log.

`sens.domain.balance` lays it beside the log's tails. Read the consumer's acknowledged sequence first,
then `read_books`, then the tails.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from sens.domain.balance import Account, Books, LedgerKey, Tail
from sens.domain.ledger import MessageCounts, ReadingCounts
from sens.storage.arrays import uuids
from sens.storage.connection import Connection
from sens.storage.errors import translated
from sens.storage.queries import load
from sens.storage.reads import AsyncConnection

ROWS_AT_ONCE = 20_000

_Row = tuple[str, str, bytes, int, int, int, int, int, int, int, int, int, int]


def read_books(connection: Connection, acknowledged: int | None) -> Books:
    """All accounts in one snapshot.

    Args:
        connection: any.
        acknowledged: the stream sequence up to which the consumer has acknowledged everything, read
            before this call; None if unknown.
    """
    with translated():
        rows = connection.execute(load("ledger")["read_books"], {"acknowledged": acknowledged}).fetchall()
    return _books(rows, acknowledged)


async def fetch_books(connection: AsyncConnection, acknowledged: int | None) -> Books:
    """`read_books` for the API."""
    with translated():
        cursor = await connection.execute(load("ledger")["read_books"], {"acknowledged": acknowledged})
        rows = await cursor.fetchall()
    return _books(rows, acknowledged)


def _books(rows: list[tuple[object, ...]], acknowledged: int | None) -> Books:
    accounts: dict[LedgerKey, Account] = {}
    for row in cast("list[_Row]", rows):
        source, session, epoch, decoded, ignored, quarantined, *readings, highest, last, settled = row
        accounts[LedgerKey(source, session, epoch)] = Account(
            MessageCounts(decoded, ignored, quarantined),
            ReadingCounts(*readings),
            highest_total=highest,
            acknowledged_total=last,
            acknowledged_settled=settled,
        )
    return Books(accounts, acknowledged)


def record_tails(connection: Connection, tails: Iterable[Tail]) -> None:
    """Remember the highest running totals seen in the log. Tails of sources without a row are left out.

    When a tail is below what was recorded, the stream went backwards: give the stream a new epoch, or
    new messages in the old one would in time hide what was lost.
    """
    listed = list(tails)
    parameters = {
        "sources": [tail.key.source for tail in listed],
        "sessions": [tail.key.session for tail in listed],
        "epochs": [tail.key.epoch for tail in listed],
        "totals": [tail.total for tail in listed],
    }
    with translated():
        connection.execute(load("ledger")["record_tails"], parameters)


def sum_ledger(connection: Connection, acknowledged: int, *, limit: int = ROWS_AT_ONCE) -> int:
    """Add rows up to the acknowledged sequence to `ledger_total`: the books need not count them one by one.

    One statement, so no reader sees a sum change. A replay takes the rows it changes out again
    (`take_out_of_sums`), and the next call adds them as they are then.

    Args:
        connection: the leader's.
        acknowledged: the stream sequence up to which the consumer has acknowledged everything.
        limit: rows at most.

    Returns:
        How many rows were added; `limit` means call again.
    """
    with translated():
        parameters = {"acknowledged": acknowledged, "limit": limit}
        row = connection.execute(load("ledger")["sum"], parameters).fetchone()
    return cast("tuple[int]", row)[0]


def take_out_of_sums(connection: Connection, envelope_ids: Sequence[bytes]) -> None:
    """Before rows are changed, in the same transaction, which has locked them."""
    connection.execute(load("ledger")["take_out_of_sums"], {"id": uuids(envelope_ids)})


def fold_ledger(
    connection: Connection, first_sequences: Mapping[tuple[str, str], int], *, limit: int = ROWS_AT_ONCE
) -> int:
    """Delete summed rows whose envelopes are purged, and note how far: see `ledger_rows.folded_envelopes`.

    Args:
        connection: the leader's.
        first_sequences: (source, session) → first stream sequence that the log still holds of the
            subject; it must name every subject in the log, read after the purge.
        limit: rows at most.

    Returns:
        How many rows were folded; `limit` means call again.
    """
    parameters = {
        "sources": [source for source, _ in first_sequences],
        "sessions": [session for _, session in first_sequences],
        "sequences": list(first_sequences.values()),
        "limit": limit,
    }
    with translated():
        row = connection.execute(load("ledger")["fold"], parameters).fetchone()
    return cast("tuple[int]", row)[0]
